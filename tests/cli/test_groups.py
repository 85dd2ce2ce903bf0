"""Does a person see which groups are open, and who is missing?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onebeat.app import App
from onebeat.keys import queue_keys
from onebeat.queue.following import gather
from onebeat.queue.known import make_known
from onebeat.queue.signing import NO_KEYS
from tests.cli.commands import onebeat

WITHIN_S = 10.0


@pytest.fixture(autouse=True)
def _closed(app: App) -> Iterator[None]:
    yield
    app.close()


def test_nothing_is_open(app: App) -> None:
    told = onebeat("groups")
    assert (told.code, told.out) == (0, "")
    assert "no group is open" in told.err


def test_who_is_missing(app: App) -> None:
    keys = queue_keys(app.namespace.value, "reports")
    app.store.run(make_known(app.store.space, "reports", within_s=WITHIN_S))
    app.store.run(gather(keys, "g", 900, None, NO_KEYS, within_s=WITHIN_S))
    app.store.client.hset(keys.members("g"), mapping={f"g.{n}": 1 for n in range(900) if n not in (7, 700)})
    (told,) = onebeat("groups", "--json").json["items"]
    assert told["made"] is not None
    assert {**told, "made": None} == {
        "id": "g",
        "queue": "reports",
        "members": 900,
        "done": 898,
        "made": None,
        "missing": ["g.7", "g.700"],
    }
    assert "898 of 900" in onebeat("groups").out
