"""What does a holder write about itself beside its lock, for people? Pure."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass

TASK_MAX = 80  # letters of what people are told about the work under a lock
BESIDE_MAX = 8  # names of the other locks of a MultiLock
ALONE = 0  # the room of who tolerates nobody beside it
READERS_MAX = 1_000_001  # and of who minds only those who must be alone


@dataclass(frozen=True, slots=True)
class Who:
    """A process and its work. `room`: of a share, how many may be in with it; None for a plain lock.

    `message` is appended to what is written, because it is another one each time (`door.who_am_i`).
    """

    host: str = ""
    pid: int = 0
    task: str = ""
    room: int | None = None
    message: str = ""  # queue, message and fence of the claim, when a worker holds it for one
    beside: tuple[str, ...] = ()  # the other locks of the `MultiLock` that it is a part of

    def written(self) -> str:
        """As JSON; what is not known is not in it."""
        told: dict[str, object] = {"host": self.host, "pid": self.pid}
        if self.task:
            told["task"] = self.task[:TASK_MAX]
        if self.room is not None:
            told["room"] = self.room
        if self.beside:
            told["with"] = self.beside[:BESIDE_MAX]
        return json.dumps(told)

    @property
    def kind(self) -> str:
        """`lock`, `read`, `write` or `permit`; empty where nobody is known."""
        if not self.host:
            return ""
        return {None: "lock", ALONE: "write", READERS_MAX: "read"}.get(self.room, "permit")

    @property
    def limit(self) -> int | None:
        """Of a permit: how many there are."""
        return self.room if self.kind == "permit" else None


def who_was(written: str) -> Who:
    """Who wrote this; nobody where it was written by another version, or not yet."""
    with suppress(ValueError, KeyError, TypeError):
        told = json.loads(written)
        room = told.get("room")
        return Who(
            str(told["host"]),
            int(told["pid"]),
            str(told.get("task", "")),
            None if room is None else int(room),
            str(told.get("message", "")),
            tuple(str(name) for name in told.get("with", ())),
        )
    return Who()
