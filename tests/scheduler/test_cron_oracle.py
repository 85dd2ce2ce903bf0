"""Does the evaluator agree with a simulation of Debian's cron, minute by minute, where clocks change?"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from onebeat.errors import InvalidCron
from onebeat.scheduler import cron_zone, zones
from onebeat.scheduler.cron import CronTrigger
from tests.scheduler import words, zone_changes
from tests.scheduler.differential import play, walk, walk_back
from tests.scheduler.oracle import CHANGES, MINUTE, Simulated, minutes_around

FRESH = random.SystemRandom().randrange(10**9)  # a new sample at each run, told with the failure
SEEDS = pytest.mark.parametrize("seed", [1, FRESH], ids=["1", "fresh"])


@SEEDS
def test_fires_around_clock_changes_are_those_of_the_simulation(seed: int) -> None:
    """`python -m tests.scheduler --cases 100000 --seed n` plays more of them."""
    tally = play(seed, 1_000)
    print(f"seed {seed}: {tally.summary()}")
    assert not tally.disagreements
    assert tally.fires > 10_000


def test_the_places_are_many_and_their_clocks_change() -> None:
    """The zones of every kind are there; a table of changes that came out empty would prove nothing."""
    assert len(zone_changes.ZONES) >= 25
    assert all(zone_changes.changes(zone) for zone in zone_changes.ZONES if zone != "UTC")
    kinds = {shift for zone, day in CHANGES for shift in shifts(zone, day)}
    assert {-60, 60, -30, 30, -120, 120, 180, -180} <= kinds
    assert max(kinds) >= 1380


def shifts(zone: str, day: date) -> set[int]:
    """By how many minutes its clocks jump around this day."""
    minutes = minutes_around(zone, day)
    return {(wall - before) // MINUTE - 1 for (_, before), (_, wall) in pairwise(minutes)} - {0}


def test_a_wrong_evaluator_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the comparison is worth: it finds a rule that makes up for no gap, in a few cases."""
    monkeypatch.setattr(cron_zone.ZonedRule, "_lost_s", lambda self, segment: 0)
    assert play(1, 300).disagreements


def in_utc(found: datetime | None) -> datetime | None:
    # Times that the clocks show twice compare by what they show (PEP 495), so compare in UTC.
    return None if found is None else found.astimezone(UTC)


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
        monkeypatch.setattr(trigger._zoned.zone, "_near", zones.NOWHERE)
        simulated = Simulated("7-59/13 1,2 * * *").fires(zone, day, "run-after", fold)
        expected = [fire for fire in simulated if first <= fire <= last]
        assert walk(trigger, first, last) == expected
        assert walk_back(trigger, first, last) == expected


@SEEDS
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
        assert [fire.date() for fire in walk(trigger, first, last)] == expected, case
        assert [fire.date() for fire in walk_back(trigger, first, last)] == expected, case


@SEEDS
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
