"""What must `adopt`, `enrol` and `emit` answer? A sequential model of one queue's schedules. Pure."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from onebeat.queue.emission import STALE_MS
from onebeat.queue.record import unpack
from tests.interleave.process import Violation
from tests.interleave.queue_model import settled_rows
from tests.interleave.scenario import expect

ROW = ("id", "step", "record")
STEP = ("cursor", "to", "next_ms", "overlap", "limit", "pause_after", "skips", "name", "task")


@dataclass
class Stored:
    """What the store should hold; a data loss replaces it."""

    generations: dict[str, int] = field(default_factory=dict)
    born: str = ""
    top: str = ""
    seen_ms: dict[str, int] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)
    live: dict[str, set[str]] = field(default_factory=dict)
    paused: dict[str, int] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)
    emitted: set[str] = field(default_factory=set)
    claimed: set[str] = field(default_factory=set)


@dataclass
class Model:
    """`periods_ms`: the schedules' grids. `decided` outlives every loss: it is what the history knows."""

    periods_ms: dict[str, int]
    stored: Stored = field(default_factory=Stored)
    decided: dict[str, set[int]] = field(default_factory=dict)
    began_ms: dict[str, int] = field(default_factory=dict)
    ran: set[str] = field(default_factory=set)
    ever: dict[str, set[str]] = field(default_factory=dict)  # what was queued, whatever was lost since
    one_by_one: frozenset[str] = frozenset()  # schedules whose runs must not overlap

    def remember(self) -> Stored:
        return copy.deepcopy(self.stored)

    def lost(self, memory: Stored | None) -> None:
        self.stored = copy.deepcopy(memory) if memory else Stored()

    def starts(self) -> dict[str, int]:
        """Where the history says that schedules begin."""
        return {schedule: max(times) for schedule, times in self.decided.items() if times}

    def fired(self) -> dict[str, int]:
        """How many fires the history knows of each schedule."""
        return {schedule: len(ids) for schedule, ids in self.ever.items()}

    # -- adopt, enrol -------------------------------------------------------------------------------

    def adopt(self, config: str, now_ms: int, answer: Sequence[Any]) -> None:
        stored = self.stored
        self._seen(config, now_ms)
        expect(
            int(answer[1]) == (stored.top == config) and int(answer[2]) == stored.generations[config],
            "E6",
            f"{config} was told {answer[1:]}, the newest is {stored.top} of {stored.generations}",
        )
        self._known(answer)

    def _known(self, answer: Sequence[Any]) -> None:
        """A store that forgot is another one, and stays that one."""
        stored, born = self.stored, answer[4].decode()
        expect(stored.born in ("", born), "E6", f"told {born}, it is {stored.born}")
        stored.born = born

    def _seen(self, config: str, now_ms: int) -> None:
        """A beat runs it, and it takes over when it is new or nobody runs the newest."""
        stored = self.stored
        idle_ms = now_ms - stored.seen_ms.get(stored.top, 0)
        if stored.top != config and (config not in stored.generations or idle_ms > STALE_MS):
            stored.generations[config] = stored.generations.get(stored.top, 0) + 1
            stored.top = config
        stored.seen_ms[config] = now_ms

    def enrol(
        self, config: str, args: Sequence[Any], now_ms: int, answer: Sequence[Any], excused: bool
    ) -> None:
        stored, usual = self.stored, args[1]
        may_begin = bool(config) and config == stored.top and str(args[0]) in ("", stored.born)
        for row, found in zip(args[2:], answer[1:], strict=True):
            id_, start, ran = row.split(" ") if " " in row else (row, "", "")
            start = start or usual
            cursor = stored.cursors.get(id_)
            if cursor is None and may_begin:
                if ran != "":
                    stored.runs.setdefault(id_, int(ran))
                cursor = stored.cursors[id_] = now_ms if start == "" else int(start)
                if start == "" and not (excused and self.decided.get(id_)):
                    expect(not self.decided.get(id_), "E2", f"{id_} begins now although it had begun before")
                    self.began_ms[id_] = now_ms
                elif start == "":
                    self._forgive(id_, now_ms)
            expect(
                (int(found) if found else None) == cursor,
                "E4",
                f"{id_}: cursor {found!r} was read, it is {cursor}",
            )

    def _forgive(self, id_: str, now_ms: int) -> None:
        """The data went in the instant between asking the history and asking the store."""
        self.decided[id_] |= set(self.grid(id_, max(self.decided[id_]), now_ms))

    # -- emit ---------------------------------------------------------------------------------------

    def emit(self, config: str, args: Sequence[Any], now_ms: int, answer: Sequence[Any]) -> None:
        rows = [dict(zip(ROW, args[at : at + len(ROW)], strict=True)) for at in range(0, len(args), len(ROW))]
        for row, told in zip(rows, answer[1:], strict=True):
            step, _, row["skipped"] = row["step"].decode().partition("\n")
            row |= dict(zip(STEP, step.split(" ", len(STEP) - 1), strict=True))
            self._row(config, row, now_ms, told.decode())

    def _row(self, config: str, row: dict[str, Any], now_ms: int, told: str) -> None:
        stored, id_ = self.stored, row["id"]
        cursor, to_ms = stored.cursors.get(id_), int(row["to"])
        word = told.split()[0]
        where = f"{id_} from {row['cursor']} to {to_ms}, cursor {cursor}, now {now_ms}: {told}"
        if config != stored.top:
            expect(word == "stale", "E6", f"of an older generation: {where}")
        elif cursor != int(row["cursor"]):
            expect(word == "moved" and told == f"moved {'' if cursor is None else cursor}", "E4", where)
        elif to_ms > now_ms:
            expect(word == "early", "E5", f"before its time: {where}")
        else:
            self._decide(row, to_ms, word, where)

    def _decide(self, row: dict[str, Any], to_ms: int, word: str, where: str) -> None:
        stored, id_ = self.stored, row["id"]
        live = stored.live.setdefault(id_, set())
        barred = self._barred(row, to_ms, len(live))
        fires = bool(row["record"]) and not barred
        expect(word == ("emitted" if fires else "skipped"), "E3", f"{barred}, {len(live)} of it run: {where}")
        self._skip(id_, row)
        if row["record"]:
            message = unpack(row["record"])
            nominal_ms = message.header.nominal_ms or 0
            expect(nominal_ms == to_ms and message.id == f"{id_}@{to_ms}", "E3", f"{message.id}: {where}")
            self._count(id_, nominal_ms)
            if fires:
                expect(message.id not in stored.emitted, "E1", f"{message.id} is queued again")
                stored.emitted.add(message.id)
                self.ever.setdefault(id_, set()).add(message.id)
                stored.runs[id_] = stored.runs.get(id_, 0) + 1
                live.add(message.id)
        stored.cursors[id_] = to_ms

    def _barred(self, row: dict[str, Any], to_ms: int, live: int) -> str:
        """Why its policies do not let a fire in; empty when they do."""
        id_, overlap = row["id"], row["overlap"]
        until_ms = self.stored.paused.get(id_, -1)
        if until_ms == 0 or to_ms < until_ms:
            return "paused"
        self.stored.paused.pop(id_, None)
        if not row["record"]:
            return ""
        if row["limit"] != "" and self.stored.runs.get(id_, 0) >= int(row["limit"]):
            return "limit"
        most = {"skip": 0, "queue-one": 1}.get(overlap)
        return "overlap" if most is not None and live > most else ""

    # -- people -------------------------------------------------------------------------------------

    def pause(self, schedule: str, until_ms: int, answer: Any) -> None:
        expect(int(answer) == (self.stored.paused.get(schedule) != until_ms), "E3", f"pause: {answer}")
        self.stored.paused[schedule] = until_ms

    def resume(self, schedule: str, answer: Any) -> None:
        was = self.stored.paused.pop(schedule, None) is not None
        expect(int(answer) == was, "E3", f"resume of {schedule}, paused: {was}, answered {answer}")

    def _skip(self, id_: str, row: dict[str, Any]) -> None:
        for line in row["skipped"].splitlines():
            stretch = json.loads(line)
            times = list(self.grid(id_, stretch["first_ms"] - 1, stretch["nominal_ms"]))
            expect(len(times) == stretch["count"] and bool(stretch["reason"]), "E2", f"miscounted: {stretch}")
            for nominal_ms in times:
                self._count(id_, nominal_ms)

    def _count(self, id_: str, nominal_ms: int) -> None:
        expect(nominal_ms % self.periods_ms[id_] == 0, "E3", f"{id_} does not say {nominal_ms}")
        self.decided.setdefault(id_, set()).add(nominal_ms)

    # -- runs ---------------------------------------------------------------------------------------

    def cycle(self, args: Sequence[Any], claimed: Sequence[str]) -> None:
        """The worker settled what it holds; what the store gave to it before a loss is not held any more.

        Also when it is answered `again`: after a roll back the store settles and gives nothing new, and what
        a repeated call settled is not claimed any more.
        """
        stored = self.stored
        for id_, _, _, _, _, counted, *_ in settled_rows(args):
            if str(id_) in stored.claimed:
                stored.claimed.remove(str(id_))
                stored.live.get(str(counted), set()).discard(str(id_))
        stored.claimed |= set(claimed)
        for id_ in self.one_by_one:
            together = [one for one in stored.claimed if one.startswith(f"{id_}@")]
            expect(len(together) <= 1, "E3", f"at the same time run {together}")

    def grid(self, id_: str, after_ms: int, until_ms: int) -> Iterator[int]:
        """Every nominal time in (after, until]."""
        period_ms = self.periods_ms[id_]
        return iter(range((after_ms // period_ms + 1) * period_ms, until_ms + 1, period_ms))

    def complete(self, until_ms: int) -> None:
        """Every nominal time up to `until_ms` is decided.

        Raises:
            Violation: E2.
        """
        for id_, began_ms in self.began_ms.items():
            missing = set(self.grid(id_, began_ms, until_ms)) - self.decided.get(id_, set())
            if missing:
                raise Violation("E2", f"{id_} was neither queued nor skipped at {sorted(missing)[:5]}")
