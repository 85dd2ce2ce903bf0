"""Which calls did the processes of a torture make, by what each wrote down before and after them?

One file for each process, one JSON list for each line, the seconds of the machine's one monotonic clock last:

    ["asks", wait, s]  ["granted", fence, s]  ["valid", fence, s] …  ["ends", fence, s]
    ["gives", s]  ["gave", answer, s]
    ["asks", wait, s]  ["busy", s]  or  ["error", s]
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from onebeat.locks import Released
from tests.locks.linear import Act, Op


def lines_of(file: Path) -> Iterator[list[Any]]:
    """What it says; a line that its writer was killed over is not there."""
    for line in file.read_bytes().split(b"\n"):
        with suppress(ValueError):
            yield json.loads(line)


def calls_in(folder: Path, lease_s: float) -> list[Op]:
    """Every call of every process, and every lease that may have ended by itself."""
    return [
        op for file in sorted(folder.glob("*.jsonl")) for op in _calls(file.stem, lines_of(file), lease_s)
    ]


class _Attempt:
    """What is known of one attempt on the lock while its lines are read."""

    def __init__(self, hold: str, wait_s: float, from_s: float) -> None:
        self.hold, self.from_s, self.queued = hold, from_s, wait_s > 0
        self.fence = 0
        self.sure_s = from_s  # until then nobody but its holder could end it
        self.gives_s: float | None = None

    def asked(self, act: Act, to_s: float, lease_s: float) -> Op:
        """Its request. One that took long may have been granted the lock more than once, unheard."""
        waits = self.queued or to_s - self.from_s > lease_s / 2
        return Op(act, self.hold, self.from_s, to_s, self.fence, waits)

    def unanswered(self) -> Iterator[Op]:
        """What may have come, or may come yet, of the call that it made last."""
        if self.gives_s is not None:
            yield Op(Act.MAY_GIVE, self.hold, self.gives_s)
        elif not self.fence:
            yield Op(Act.MAY_HOLD, self.hold, self.from_s, waits=self.queued)
            yield Op(Act.MAY_GIVE, self.hold, self.from_s)
        yield Op(Act.MAY_LAPSE, self.hold, self.sure_s)


def _calls(name: str, lines: Iterator[list[Any]], lease_s: float) -> Iterator[Op]:
    attempt: _Attempt | None = None
    for number, (what, *rest) in enumerate(lines):
        at_s = rest[-1]
        if what == "asks":
            attempt = _Attempt(f"{name}.{number}", rest[0], at_s)
        elif attempt is None:
            continue
        elif what == "granted":
            attempt.fence, attempt.sure_s = rest[0], at_s
            yield attempt.asked(Act.HELD, at_s, lease_s)
        elif what in ("valid", "ends"):
            attempt.sure_s = max(attempt.sure_s, at_s)
        elif what == "gives":
            attempt.gives_s = at_s
        elif what in ("busy", "gave", "error"):
            yield from _ended(attempt, what, rest, lease_s)
            attempt = None
    if attempt is not None:  # killed over it
        yield from attempt.unanswered()


def _ended(attempt: _Attempt, what: str, rest: Sequence[Any], lease_s: float) -> Iterator[Op]:
    at_s = rest[-1]
    if what == "busy":
        yield attempt.asked(Act.BUSY, at_s, lease_s)
    elif what == "gave" and attempt.gives_s is not None:
        act = Act.LOST if rest[0] == Released.NOT_YOURS else Act.GAVE
        yield Op(act, attempt.hold, attempt.gives_s, at_s)
        yield Op(Act.MAY_LAPSE, attempt.hold, attempt.sure_s)
    else:
        yield from attempt.unanswered()
        if not attempt.fence:  # it was given up; until then it may have stood in the queue
            yield Op(Act.MAY_GIVE, attempt.hold, attempt.from_s, at_s, waits=True)
