"""A URL that is shown because it is wrong: does it still keep its password to itself?"""

from __future__ import annotations

import pytest

from onebeat.app import App
from onebeat.config import Mistake, as_github, as_json, as_text
from onebeat.config.reading import read
from onebeat.wire.urls import without_secret

MISTYPED = (
    "http://:sesame@localhost",
    "redis//:sesame@localhost",
    "redis:/me:sesame@localhost",
    "me:sesame@localhost",
    ":sesame@localhost",
    "https://me:open/sesame@localhost",
    "https://me:open@sesame@localhost",
)


@pytest.mark.parametrize("url", MISTYPED)
def test_a_mistyped_url_is_shown_without_its_password(url: str) -> None:
    assert "sesame" not in without_secret(url)
    assert "localhost" in without_secret(url)


@pytest.mark.parametrize("url", MISTYPED)
@pytest.mark.parametrize("line", ["redis: '{}'", "database: '{}'"])
def test_a_file_is_shown_without_its_password(line: str, url: str) -> None:
    told = mistakes_of(line.format(url))
    if line.startswith("redis"):
        assert "onebeat.yaml:1:" in as_text(told)
    for shown in (as_text(told), as_json(told), as_github(told), repr(told)):
        assert "sesame" not in shown


@pytest.mark.parametrize(
    "line", ["databse: {}", "redis: [{}]", "redis: {{url: {}}}", "schedules: {{a: {{kwargs: {{url: {}}}}}}}"]
)
def test_a_url_is_recognised_at_any_place(line: str) -> None:
    told = mistakes_of(line.format("https://me:open/sesame@localhost"))
    assert "sesame" not in as_text(told) + as_json(told) + as_github(told)


def mistakes_of(line: str) -> list[Mistake]:
    reading = read(line.encode() + b"\nimports: {}\n", "onebeat.yaml")
    assert reading.mistakes
    return [*reading.mistakes, *reading.warnings]


def test_a_flag_is_not_shown_by_accident() -> None:
    app = App(redis="redis://:sesame@localhost", environ={"ONEBEAT_DB_URL": "postgresql://me:sesame@host/x"})
    assert "sesame" not in repr(app)
    assert "sesame" not in f"{app.redis_url} {app.database_url}"
