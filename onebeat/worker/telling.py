"""What does the log say of a run that was no plain success?"""

from __future__ import annotations

import logging

from onebeat.queue.record import Message
from onebeat.queue.states import Move
from onebeat.worker.outcome import Outcome
from onebeat.worker.verdict import Verdict

LOG = logging.getLogger("onebeat.worker")


def tell(message: Message, outcome: Outcome, decided: Verdict) -> None:
    """One log line for everything that is not plain success; never the arguments."""
    fields = (message.header.task, message.id, message.attempt + 1)
    if decided.move is Move.BURY:
        LOG.error(
            "%s %s: attempt %d failed for good: %s", *fields, outcome.error, extra={"trace": outcome.trace}
        )
    elif decided.move is Move.RETRY:
        LOG.warning("%s %s: attempt %d: %s; again in %d ms", *fields, outcome.error, decided.delay_ms)
    elif decided.move not in (Move.FINISH, Move.RELEASE):
        LOG.info("%s %s: attempt %d: %s (%s)", *fields, decided.move.value, outcome.error or decided.reason)
