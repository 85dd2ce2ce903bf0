"""With keys: does a beat run only the schedules of programs that have one?"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from onebeat import Client
from onebeat.app import App
from onebeat.queue import KeyRing
from onebeat.queue.signing import KEYS
from onebeat.scheduler.declarations import look
from onebeat.wire import Store
from tests.servers import Server

OLD, NEW = b"o" * 32, b"n" * 32


@pytest.fixture
def app(server: Server, store: Store, tmp_path: Path) -> Iterator[App]:
    """What a beat sees that has the new key first and still believes the old one."""
    (tmp_path / "onebeat.yaml").write_text(f"namespace: {store.namespace}\nschedules: {{}}\n")
    keys = ",".join(urlsafe_b64encode(key).decode() for key in (NEW, OLD))
    opened = App.open(redis=server.url, environ={KEYS: keys}, folder=tmp_path)
    yield opened
    opened.close()


def believed(app: App) -> list[str]:
    made = app.store.run(look(app.store.space, within_s=60.0))
    assert made is not None
    return sorted(one.id for one in app.running._made(made.schedules))


def test_only_what_one_of_the_keys_signed_fires(app: App, store: Store) -> None:
    for name, ring in (
        ("old", KeyRing((OLD,))),
        ("new", KeyRing((NEW,))),
        ("other", KeyRing((b"x" * 32,))),
        ("none", KeyRing()),
    ):
        assert Client(store, ring).schedules.create(name, "t:f", every="5m")
    assert believed(app) == ["new", "old"]
    assert Client(store, KeyRing((NEW,))).schedules.update("old", every="6m")
    assert believed(app) == ["new", "old"]


def test_a_changed_or_moved_one_does_not_fire(app: App, store: Store) -> None:
    assert Client(store, KeyRing((NEW,))).schedules.create("x", "t:f", every="5m")
    stored = store.client.hget(store.space.schedules, "x")
    assert isinstance(stored, bytes)
    store.client.hset(store.space.schedules, "y", stored)
    assert believed(app) == ["x"]
    store.client.hset(store.space.schedules, "x", stored.replace(b"t:f", b"t:g"))
    assert believed(app) == []
