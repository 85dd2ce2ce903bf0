"""Does the evaluator agree with a simulation of Debian's cron, minute by minute, where clocks change?"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from onebeat.errors import InvalidCron
from onebeat.scheduler import zones
from onebeat.scheduler.cron import CronTrigger
from tests.scheduler import words
from tests.scheduler.oracle import CHANGES, Simulated, minutes_around

FRESH = random.SystemRandom().randrange(10**9)  # a new sample at each run; the failure names it
CASES = 550


def in_utc(found: datetime | None) -> datetime | None:
    # Times that the clocks show twice compare by what they show (PEP 495), so compare in UTC.
    return None if found is None else found.astimezone(UTC)


def walk(trigger: CronTrigger, first: datetime, last: datetime) -> list[datetime]:
    fires, at = [], first
    while (found := in_utc(trigger.next(at))) is not None and found <= last:
        assert found > at
        fires.append(found)
        at = found
    return fires


def walk_back(trigger: CronTrigger, first: datetime, last: datetime) -> list[datetime]:
    fires, at = [], last
    while (found := in_utc(trigger.prev(at))) is not None and found >= first:
        assert found < at
        fires.append(found)
        at = found
    return fires[::-1]


@pytest.mark.parametrize("seed", [1, 2, 3, FRESH], ids=["1", "2", "3", "fresh"])
def test_fires_around_clock_changes_are_those_of_the_simulation(seed: int) -> None:
    luck = random.Random(seed)
    for _ in range(CASES):
        text, (zone, day) = words.expression(luck), luck.choice(CHANGES)
        gap, fold = luck.choice(("run-after", "run-after", "skip")), luck.choice(("first", "second", "both"))
        minutes = minutes_around(zone, day)
        # A fold or gap at the very edge of the window would be half seen by the simulation.
        first, last = minutes[200][0], minutes[-200][0]
        expected = [fire for fire in Simulated(text).fires(zone, day, gap, fold) if first <= fire <= last]
        trigger = CronTrigger(text, zone, dst_gap=gap, dst_fold=fold)
        case = f"seed {seed}: {trigger!r} around {day}"
        assert walk(trigger, first - timedelta(seconds=1), last) == expected, case
        assert walk_back(trigger, first, last + timedelta(seconds=1)) == expected, case


@pytest.mark.parametrize("fold", ["first", "second", "both"])
@pytest.mark.parametrize("zone", ["Europe/London", "Australia/Lord_Howe", "America/New_York"])
def test_the_edges_of_a_zone_table_do_not_show(monkeypatch: pytest.MonkeyPatch, zone: str, fold: str) -> None:
    """With a table edge every ten minutes, some lie inside the fold: nothing may fire more or less."""
    days = [day for name, day in CHANGES if name == zone]
    monkeypatch.setattr(zones, "CHUNK_S", 600)
    for day in days:
        minutes = minutes_around(zone, day)
        first, last = minutes[200][0], minutes[-200][0]
        trigger = CronTrigger("7-59/13 1,2 * * *", zone, dst_fold=fold)
        monkeypatch.setattr(trigger._zoned.zone, "_chunks", {})
        simulated = Simulated("7-59/13 1,2 * * *").fires(zone, day, "run-after", fold)
        expected = [fire for fire in simulated if first <= fire <= last]
        assert walk(trigger, first - timedelta(seconds=1), last) == expected
        assert walk_back(trigger, first, last + timedelta(seconds=1)) == expected


@pytest.mark.parametrize("seed", [4, FRESH], ids=["4", "fresh"])
def test_days_are_those_of_the_simulation(seed: int) -> None:
    luck = random.Random(seed)
    start, end = date(2023, 1, 1), date(2026, 12, 31)
    every_day = [start + timedelta(days=n) for n in range((end - start).days + 1)]
    for _ in range(70):
        text = words.days(luck)
        simulated = Simulated(text)
        months = simulated.sets[3]
        expected = [day for day in every_day if day.month in months and simulated.matches_day(day)]
        case = f"seed {seed}: {text}"
        try:
            trigger = CronTrigger(text)
        except InvalidCron as refused:
            never = "never fires" in str(refused)
            assert never, case
            assert not expected, case
            continue
        first, last = (datetime(d.year, d.month, d.day, tzinfo=UTC) for d in (start, end))
        assert [fire.date() for fire in walk(trigger, first - timedelta(seconds=1), last)] == expected, case
        assert [fire.date() for fire in walk_back(trigger, first, last + timedelta(seconds=1))] == expected, (
            case
        )


@pytest.mark.parametrize("seed", [5, FRESH], ids=["5", "fresh"])
def test_next_and_prev_meet_at_any_instant(seed: int) -> None:
    """`next(t)` is the least fire after t: nothing lies between t and it, seen from the other side."""
    luck = random.Random(seed)
    for _ in range(300):
        text, (zone, day) = words.expression(luck), luck.choice(CHANGES)
        trigger = CronTrigger(text, zone, dst_fold=luck.choice(("first", "second", "both")))
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        at = noon + timedelta(microseconds=luck.randrange(-4 * 10**11, 4 * 10**11))
        after = in_utc(trigger.next(at))
        assert after is not None
        before = in_utc(trigger.prev(after))
        assert before is not None
        case = f"seed {seed}: {trigger!r} at {at}"
        assert before <= at < after, case
        assert in_utc(trigger.next(before)) == after, case
