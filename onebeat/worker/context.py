"""What may a task know about the run it is in?"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from onebeat.worker.threads import Cancelled

_LOG = logging.getLogger("onebeat.task")


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Context:
    """The run that a task is in; given to a parameter annotated `Context`.

    `nominal`: the scheduled time (aware, in the schedule's zone's offset or UTC), None for ad-hoc calls.
    `attempt`: 1 for the first try. `fence`: the number of the singleton's lease, else of the claim; it
    grows with every holder. `deadline`: when the time limit ends, None without one.
    """

    message_id: str
    task: str
    schedule_id: str | None = None
    nominal: datetime | None = None
    attempt: int = 1
    fence: int = 0
    deadline: datetime | None = None
    log: logging.Logger = field(default=_LOG, repr=False)
    stopping: Callable[[], bool] = field(default=_never, repr=False)
    ending: Callable[[], bool] = field(default=_never, repr=False)

    @property
    def shutting_down(self) -> bool:
        """True once the worker was told to stop: finish soon, or raise `Retry()` to go on elsewhere."""
        return self.stopping()

    @property
    def cancelled(self) -> bool:
        """True once somebody asked for the end of this run; async tasks are cancelled as well."""
        return self.ending()

    def checkpoint(self) -> None:
        """Call it now and then in a long blocking task: the place where its cancellation is felt.

        Raises:
            Cancelled: somebody asked for the end of this run.
        """
        if self.ending():
            raise Cancelled("somebody asked for the end of this run")
