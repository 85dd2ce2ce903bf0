"""Do evaluator and simulation have the same fires, forwards and backwards? One case, and very many."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from onebeat.scheduler.cron import CronTrigger
from tests.scheduler import words, zone_changes
from tests.scheduler.oracle import Simulated, minutes_around

SECOND = timedelta(seconds=1)
TOGETHER = 25  # expressions that share a zone and a day, so that its minutes are walked once
SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Case:
    """An expression on the clocks of `zone`, around `day`."""

    text: str
    zone: str
    day: date
    gap: str = "run-after"
    fold: str = "first"

    @property
    def window(self) -> tuple[datetime, datetime]:
        """Both included; a fold or gap at the very edge of the minutes would be half seen."""
        minutes = minutes_around(self.zone, self.day)
        return minutes[200][0], minutes[-200][0]

    def expected(self) -> list[datetime]:
        first, last = self.window
        fires = Simulated(self.text).fires(self.zone, self.day, self.gap, self.fold)
        return [fire for fire in fires if first <= fire <= last]


@dataclass
class Tally:
    """How many cases agree, what the others are, and how many zones and days they met."""

    cases: int = 0
    fires: int = 0
    places: set[tuple[str, date]] = field(default_factory=set)
    disagreements: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.cases += other.cases
        self.fires += other.fires
        self.places |= other.places
        self.disagreements += other.disagreements

    def summary(self) -> dict[str, object]:
        return {
            "cases": self.cases,
            "fires": self.fires,
            "zones": len({zone for zone, _ in self.places}),
            "days": len(self.places),
            "disagreements": len(self.disagreements),
            "shown": self.disagreements[:SHOWN_MAX],
        }


def walk(trigger: CronTrigger, first: datetime, last: datetime) -> list[datetime]:
    """Its fires from `first` to `last` in UTC, by `next`."""
    fires, at = [], first - SECOND
    while (found := trigger.next(at)) is not None and (instant := found.astimezone(UTC)) <= last:
        assert instant > at
        fires.append(instant)
        at = instant
    return fires


def walk_back(trigger: CronTrigger, first: datetime, last: datetime) -> list[datetime]:
    """The same by `prev`."""
    fires, at = [], last + SECOND
    while (found := trigger.prev(at)) is not None and (instant := found.astimezone(UTC)) >= first:
        assert instant < at
        fires.append(instant)
        at = instant
    return fires[::-1]


def compare(case: Case) -> tuple[int, str]:
    """How many fires the case has, and what is wrong with it; empty when nothing is."""
    expected = case.expected()
    trigger = CronTrigger(case.text, case.zone, dst_gap=case.gap, dst_fold=case.fold)
    for way, found in (("next", walk(trigger, *case.window)), ("prev", walk_back(trigger, *case.window))):
        if found != expected:
            missing, more = (sorted(set(a) - set(b))[:3] for a, b in ((expected, found), (found, expected)))
            return len(expected), f"{case} by {way}: misses {missing}, adds {more}"
    return len(expected), ""


def cases(luck: random.Random, count: int) -> list[Case]:
    """Random cases, in groups that share a zone and a day."""
    made: list[Case] = []
    while len(made) < count:
        zone, day = zone_changes.place(luck)
        for _ in range(min(TOGETHER, count - len(made))):
            gap = luck.choice(("run-after", "run-after", "skip"))
            made.append(
                Case(words.expression(luck), zone, day, gap, luck.choice(("first", "second", "both")))
            )
    return made


def play(seed: int, count: int) -> Tally:
    """`count` cases of `seed`."""
    tally = Tally()
    for case in cases(random.Random(seed), count):
        fires, wrong = compare(case)
        tally.cases += 1
        tally.fires += fires
        tally.places.add((case.zone, case.day))
        if wrong:
            tally.disagreements.append(f"seed {seed}: {wrong}")
    return tally


def play_in_processes(seed: int, count: int, processes: int, share: int = 2_000) -> Tally:
    """`count` cases, `share` for each seed from `seed` on."""
    tally = Tally()
    shares = [min(share, count - start) for start in range(0, count, share)]
    with ProcessPoolExecutor(processes) as pool:
        for one in pool.map(play, range(seed, seed + len(shares)), shares):
            tally.add(one)
    return tally
