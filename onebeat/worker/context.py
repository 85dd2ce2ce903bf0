"""What may a task know about the run it is in?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from onebeat.queue.progress import encoded
from onebeat.queue.record import Message
from onebeat.worker.threads import Cancelled

_LOG = logging.getLogger("onebeat.task")
_NO_HEADERS: Mapping[str, str] = {}


def _never() -> bool:
    return False


def _nobody_listens(_note: bytes) -> None:
    """Progress that is not kept."""


@dataclass(frozen=True, slots=True)
class Context:
    """The run that a task is in; given to a parameter annotated `Context`.

    `nominal`: the scheduled time (aware, in the schedule's zone's offset or UTC), None for ad-hoc calls.
    `attempt`: 1 for the first try. `fence`: the number of the singleton's lease, else of the claim; it
    grows with every holder. `deadline`: when the time limit ends, None without one. `headers`: what
    middleware of the caller wrote.
    """

    message_id: str
    task: str
    schedule_id: str | None = None
    nominal: datetime | None = None
    attempt: int = 1
    fence: int = 0
    deadline: datetime | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    log: logging.Logger = field(default=_LOG, repr=False)
    stopping: Callable[[], bool] = field(default=_never, repr=False)
    ending: Callable[[], bool] = field(default=_never, repr=False)
    noting: Callable[[bytes], object] = field(default=_nobody_listens, repr=False)

    @property
    def shutting_down(self) -> bool:
        """True once the worker was told to stop: finish soon, or raise `Retry()` to go on elsewhere."""
        return self.stopping()

    @property
    def cancelled(self) -> bool:
        """True once somebody asked for the end of this run; async tasks are cancelled as well."""
        return self.ending()

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far this run is: `done` of `total`, and in words; for people and `Handle.progress`.

        Costs no round trip, so call it as often as you like: the worker sends the latest with its next cycle,
        at most once a second. Nobody sees it after the end of the run.

        Raises:
            ValueError: a number that is negative or not finite.
        """
        self.noting(encoded(done, total, note))

    def checkpoint(self) -> None:
        """Call it now and then in a long blocking task: the place where its cancellation is felt.

        Raises:
            Cancelled: somebody asked for the end of this run.
        """
        if self.ending():
            raise Cancelled("somebody asked for the end of this run")


def context_of(message: Message, deadline_ms: int | None = None, **more: Any) -> Context:
    """What a run of `message` may know; `more` are members that the message does not tell."""
    header = message.header
    return Context(
        message_id=message.id,
        task=header.task,
        schedule_id=header.schedule or None,
        nominal=_moment(header.nominal_ms),
        attempt=message.attempt + 1,
        deadline=_moment(deadline_ms),
        headers=header.headers or _NO_HEADERS,
        **more,
    )


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
