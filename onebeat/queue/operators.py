"""Who asks for an act on a queue, and why? What came of it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

REASON_MAX = 500
PAGE = 64  # messages with their payloads that one look reads
IDS_TOLD = 64


def shortened(reason: str) -> str:
    """A reason as it is kept: one line of at most `REASON_MAX` characters."""
    return " ".join(reason.split())[:REASON_MAX]


@dataclass(frozen=True, slots=True)
class By:
    """Who does it and why: for the event log and the history."""

    who: str = ""
    reason: str = ""

    def fields(self) -> dict[str, str | None]:
        """The members of the event."""
        return {"by": self.who or None, "reason": shortened(self.reason) or None}


@dataclass(slots=True)
class Tally:
    """What came of it. Letters that stay: `unreadable`, nothing here can read their record; `refused`,
    another message is queued for their singleton."""

    done: int = 0
    unreadable: int = 0
    refused: int = 0
    ids: list[str] = field(default_factory=list)  # of the first that were done, for people

    def add(self, ids: Sequence[str]) -> None:
        """These were done."""
        self.done += len(ids)
        self.ids += ids[: max(0, IDS_TOLD - len(self.ids))]
