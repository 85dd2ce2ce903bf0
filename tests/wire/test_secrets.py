"""Can a password reach a log, an error or a repr?"""

from __future__ import annotations

import traceback

import pytest

from onebeat.errors import ConfigError, OnebeatError
from onebeat.wire import AsyncStore, Command, Store, find_store
from onebeat.wire.urls import without_secret

SECRET = "s3s@me:/#?"  # with every character that separates the parts of a URL, as people paste it


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://:sesame@host:6379/0", "redis://:***@host:6379/0"),
        ("rediss://me:sesame@host", "rediss://me:***@host"),
        ("redis://me:ses@me@host", "redis://me:***@host"),
        ("unix://:sesame@/run/s?db=1", "unix://:***@/run/s?db=1"),
        ("unix:///run/s?password=sesame", "unix:///run/s?password=***"),
        ("redis://host/0?db=1&password=sesame&x=1", "redis://host/0?db=1&password=***&x=1"),
        ("rediss://host/0?ssl_password=sesame", "rediss://host/0?ssl_password=***"),
        ("unix:///run/s", "unix:///run/s"),
    ],
)
def test_a_url_as_it_may_be_shown(url: str, shown: str) -> None:
    assert without_secret(url) == shown


@pytest.mark.parametrize("kind", [Store, AsyncStore])
@pytest.mark.parametrize("url", ["redis://:sesame@127.0.0.1:1/0", "unix:///nowhere?password=sesame"])
def test_a_driver_shows_where_and_not_how(kind: type[Store | AsyncStore], url: str) -> None:
    shown = repr(kind.open(url))
    assert "sesame" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "url", ["redis://:sesame@127.0.0.1:1/0", "unix://:sesame@/nowhere/s", "unix:///nowhere?password=sesame"]
)
def test_an_error_shows_where_and_not_how(url: str) -> None:
    with Store.open(url, deadline_s=1.0) as store, pytest.raises(OnebeatError) as raised:
        store.perform(Command(("PING",)))
    assert "sesame" not in "".join(traceback.format_exception(raised.value))


def test_a_wrong_url_is_told_without_its_secret() -> None:
    with pytest.raises(ConfigError) as raised:
        Store.open(f"https://:{SECRET}@host")
    assert SECRET not in str(raised.value)


def test_what_was_found_is_not_shown_by_accident() -> None:
    found = find_store(f"redis://:{SECRET}@host")
    assert SECRET in found.value
    assert SECRET not in repr(found)
