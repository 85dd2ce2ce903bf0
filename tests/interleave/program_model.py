"""What must `declare`, `revise` and the beats' scripts answer when programs make schedules? Beside
`emission_model`. Pure.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from onebeat.queue.record import Header, unpack
from tests.interleave import emission_model
from tests.interleave.process import Violation
from tests.interleave.scenario import expect

ALL = "#"  # the revision of them all


class Entry(NamedTuple):
    """A schedule as a program wrote it down."""

    revision: int
    born_ms: int
    text: str


@dataclass
class Stored(emission_model.Stored):
    """`newest`: the revision of all; `gone`: the last that removed one; `heard`: the newest that reached the
    queue (None: none ever)."""

    programs: dict[str, Entry] = field(default_factory=dict)
    newest: int = 0
    gone: int = 0
    heard: int | None = None


@dataclass
class Model(emission_model.Model):
    """`written`: text → the revision at which it was written since the store lost data last."""

    stored: Stored = field(default_factory=Stored)
    written: dict[str, int] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)  # texts of calls that have been answered since then
    queued: list[Header] = field(default_factory=list)  # by the calls since somebody took them from here

    def lost(self, memory: emission_model.Stored | None) -> None:
        self.stored = copy.deepcopy(memory) if isinstance(memory, Stored) else Stored()
        self.written, self.answered = {}, set()

    # -- programs -----------------------------------------------------------------------------------

    def declare(self, args: Sequence[Any], now_ms: int, answer: Sequence[Any]) -> int | None:
        """The new revision; None when nothing was written."""
        stored, id_, text = self.stored, str(args[0]), str(args[1])
        verdict, told = answer[0].decode(), answer[1].decode()
        entry = stored.programs.get(id_)
        here = entry.revision if entry else stored.newest if id_ == ALL else 0
        asked, least = str(args[2]), int(args[3])
        where = f"{id_} is at {here or 'nothing'}, asked for {asked or 'nothing'}: {verdict} {told}"
        if str(here or "") == asked == "" and text and stored.gone > int(args[5]):
            expect(verdict == "gone", "E6", f"one was removed since it was looked for: {where}")
            return None
        if str(here or "") != asked:
            expect(verdict == "other", "E6", f"written over what it was not read from: {where}")
            return None
        expect(verdict == "done" and int(told) == max(now_ms, stored.newest + 1, least), "E6", where)
        stored.newest = fresh = int(told)
        if text:
            expect(text not in self.answered, "E6", f"{text} comes back after its call was answered: {where}")
            self.written[text] = fresh
            stored.programs[id_] = Entry(fresh, entry.born_ms if entry else now_ms, text)
        elif id_ != ALL:
            stored.programs.pop(id_, None)
            stored.gone = fresh
        return fresh

    def revise(self, args: Sequence[Any], answer: Any) -> None:
        stored, revision = self.stored, int(args[0])
        done = (stored.heard or 0) <= revision
        expect(int(answer) == done, "E6", f"the queue knows {stored.heard}, told of {revision}: {answer}")
        if not done:
            return
        stored.heard = revision
        for id_ in map(str, args[1:]):
            for forgotten in (stored.cursors, stored.paused, stored.runs):
                forgotten.pop(id_, None)
            if (
                revision > stored.newest
            ):  # its removal went with what the store lost: it begins anew, as it was
                stored.emitted = {one for one in stored.emitted if not one.startswith(f"{id_}@")}

    # -- beats --------------------------------------------------------------------------------------

    def adopt_made(self, config: str, revision: int, now_ms: int, answer: Sequence[Any]) -> None:
        """A beat says which revision it knows."""
        stored = self.stored
        self._seen(config, now_ms)
        if stored.top == config and revision > (stored.heard or 0):
            stored.heard = revision
        current = stored.top == config and (stored.heard or 0) == revision
        expect(
            int(answer[1]) == current and int(answer[3]) == (stored.heard or 0),
            "E6",
            f"{config} at {revision} was told {answer[1:]}; {stored.top} at {stored.heard} emit",
        )
        self._known(answer)

    def standing(self, config: str, revision: str) -> str:
        """`config`, or what is never the newest when `revision` is not the one that emits."""
        return config if revision in ("", str(self.stored.heard)) else f"behind {self.stored.heard}"

    def _decide(self, row: dict[str, Any], to_ms: int, word: str, where: str) -> None:
        super()._decide(row, to_ms, word, where)
        if word == "emitted":
            self.queued.append(unpack(row["record"]).header)

    def complete(self, until_ms: int) -> None:
        super().complete(until_ms)
        for id_, entry in self.stored.programs.items():
            missing = set(self.grid(id_, entry.born_ms, until_ms)) - self.decided.get(id_, set())
            if missing:
                raise Violation("E2", f"{id_} was neither queued nor skipped at {sorted(missing)[:5]}")
