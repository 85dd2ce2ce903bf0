"""How do tests write an event log, as the scripts do?"""

from __future__ import annotations

import json
from typing import Any

from onebeat.keys import queue_keys
from onebeat.wire import Command, Store

FIRE = {"schedule": "nightly", "task": "shop.report"}


def lines(*events: dict[str, Any]) -> str:
    return "\n".join(json.dumps(event) for event in events)


def fire(event: str, nominal_ms: int, **fields: Any) -> dict[str, Any]:
    """An event of the schedule `nightly`."""
    return {"event": event, "id": f"nightly@{nominal_ms}", "nominal_ms": nominal_ms} | FIRE | fields


def about(event: str, nominal_ms: int, **fields: Any) -> dict[str, Any]:
    """An event that names only its run."""
    return {"event": event, "id": f"nightly@{nominal_ms}"} | fields


def life(nominal_ms: int) -> list[dict[str, Any]]:
    """All events of a run that went well."""
    ended = {"state": "done", "attempt": 1, "worker": "w", "started_ms": 5, "ended_ms": 9}
    return [
        fire("emitted", nominal_ms),
        about("claimed", nominal_ms, worker="w", deliveries=1),
        fire("ended", nominal_ms, **ended),
    ]


class Log:
    """The event log of one queue."""

    def __init__(self, store: Store, queue: str = "default") -> None:
        self.store = store
        self.key = queue_keys(store.namespace, queue).log

    def add(self, *events: dict[str, Any], at: str = "*") -> str:
        """One entry with these events; returns its id."""
        return self.add_text(lines(*events), at=at)

    def add_text(self, text: str | bytes, at: str = "*") -> str:
        return self.store.perform(Command(("XADD", self.key, at, "e", text))).decode()

    def trim(self, keep: int) -> None:
        self.store.perform(Command(("XTRIM", self.key, "MAXLEN", keep)))

    def drop(self) -> None:
        self.store.perform(Command(("DEL", self.key)))
