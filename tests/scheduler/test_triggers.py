"""Do the triggers keep their contract: exclusive, aware, in their zone, equal when made equal?"""

from __future__ import annotations

import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger as TheirCron
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from onebeat.errors import ConfigError, InvalidDuration
from onebeat.scheduler import (
    AnyTrigger,
    AtTrigger,
    BoundedTrigger,
    CalendarTrigger,
    CronTrigger,
    EveryTrigger,
    ExceptTrigger,
    JitterTrigger,
    ManualTrigger,
    adapt,
    recent,
    upcoming,
)
from onebeat.scheduler.trigger import PureTrigger

SEOUL, NEW_YORK = ZoneInfo("Asia/Seoul"), ZoneInfo("America/New_York")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
ALL = [
    CronTrigger("30 2 * * mon-fri", "America/New_York", dst_gap="skip", dst_fold="both"),
    CronTrigger("H H * * *", key="nightly"),
    EveryTrigger(300, timedelta(seconds=90)),
    AtTrigger("2026-12-31T23:00", "Asia/Seoul"),
    ManualTrigger(),
    CalendarTrigger(weeks=2, day=["thu", "MON"], at=["09:00", "18:30:15"], anchor="2026-01-05"),
    CalendarTrigger(months=1, day="last", at="18:00", timezone="America/New_York", dst_fold="second"),
    CalendarTrigger(years=2, month="feb", day=[1, "last"]),
    CalendarTrigger(days=3, at="02:30", timezone="America/New_York"),
    AnyTrigger([CronTrigger("0 * * * *"), EveryTrigger(2700)]),
    BoundedTrigger(EveryTrigger(60), "2026-03-01", "2026-03-01T21:30", "Asia/Seoul"),
    ExceptTrigger(CronTrigger("0 9 * * *"), ["2026-03-02/2026-03-04", "2026-05-05"], "Asia/Seoul"),
    JitterTrigger(EveryTrigger(60), 45, "nightly"),
    adapt(TheirCron(hour=3, minute=7, timezone="America/New_York")),
    adapt(IntervalTrigger(minutes=7, start_date=datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC))),
    adapt(DateTrigger(datetime(2026, 4, 1, tzinfo=UTC))),
]
TIMED = [trigger for trigger in ALL if not isinstance(trigger, ManualTrigger)]


@pytest.mark.parametrize("trigger", ALL, ids=str)
def test_answers_are_exclusive_and_meet(trigger: PureTrigger) -> None:
    for fire in upcoming(trigger, NOON, 5):
        assert fire.tzinfo is not None
        instant = fire.astimezone(UTC)  # a step back from 03:00 on a clock may be a reading in a gap
        assert trigger.next(instant - MICRO) == fire
        assert trigger.prev(instant + MICRO) == fire
        assert trigger.get_next_fire_time(None, fire) == fire
        after, before = trigger.next(fire), trigger.prev(fire)
        assert after is None or after > fire
        assert before is None or before < fire


@pytest.mark.parametrize("trigger", ALL, ids=str)
def test_equal_arguments_make_equal_triggers(trigger: PureTrigger) -> None:
    twin = pickle.loads(pickle.dumps(trigger))  # as APScheduler's job stores do
    assert twin == trigger
    assert hash(twin) == hash(trigger)
    assert upcoming(twin, NOON, 3) == upcoming(trigger, NOON, 3)
    assert [other for other in ALL if other == trigger] == [trigger]


@pytest.mark.parametrize("trigger", TIMED, ids=str)
def test_an_instant_without_a_zone_is_refused(trigger: PureTrigger) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        trigger.next(datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="no time zone"):
        trigger.prev(datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        (ALL[0], 'cron "30 2 * * mon-fri" in America/New_York, gap: skip, fold: both'),
        (CronTrigger("@daily"), 'cron "@daily" in UTC'),
        (ALL[2], "every 5m offset 1m30s"),
        (EveryTrigger(0.5), "every 500ms"),
        (ALL[3], "at 2026-12-31T23:00:00 in Asia/Seoul"),
        (ALL[4], "manual"),
    ],
)
def test_a_trigger_says_what_it_is(trigger: PureTrigger, text: str) -> None:
    assert str(trigger) == text


# -- every, at -------------------------------------------------------------------------------------


def test_the_grid_starts_at_the_epoch_whenever_one_asks() -> None:
    trigger = EveryTrigger(timedelta(minutes=7), 90)
    fires = upcoming(trigger, datetime(2026, 1, 1, 0, 3, tzinfo=SEOUL), 3)
    assert all((fire.timestamp() - 90) % 420 == 0 for fire in fires)
    assert [later - fire for fire, later in pairwise(fires)] == [timedelta(minutes=7)] * 2
    assert fires[0].tzinfo is UTC
    assert EveryTrigger(420, 90 + 420) == trigger


def test_counting_is_listing() -> None:
    trigger = EveryTrigger(0.75, 0.1)
    first, last = NOON, NOON + timedelta(seconds=9, microseconds=100)
    assert trigger.count(first, last) == len([f for f in upcoming(trigger, first, 99) if f < last])
    assert trigger.count(last, first) == 0


@pytest.mark.parametrize(
    "period", [0, -5, 1e18, float("nan"), float("inf"), 0.0001, timedelta(microseconds=5)]
)
def test_a_period_that_cannot_be_meant_is_refused(period: float | timedelta) -> None:
    with pytest.raises(InvalidDuration):
        EveryTrigger(period)


def test_an_offset_may_not_be_negative() -> None:
    with pytest.raises(InvalidDuration, match="offset"):
        EveryTrigger(60, -1)


def test_a_one_off_fires_once() -> None:
    trigger = AtTrigger("2026-12-31T23:00", "Asia/Seoul")
    assert upcoming(trigger, NOON, 9) == [datetime(2026, 12, 31, 14, tzinfo=UTC)]
    assert recent(trigger, datetime(2027, 1, 1, tzinfo=UTC), 9) == upcoming(trigger, NOON, 9)
    assert trigger == AtTrigger(datetime(2026, 12, 31, 14, tzinfo=UTC), "Asia/Seoul")


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("2025-03-09T02:30", "does not exist in America/New_York.*write 2025-03-09T03:30"),
        ("2025-02-30T00:00", "not a date and time"),
        ("2025-02-03", "leaves the time open"),
        ("tomorrow", "not a date and time"),
        ("2025-02-03T00:00:00.000001", "finer than a millisecond"),
    ],
)
def test_a_one_off_that_cannot_be_is_refused(when: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        AtTrigger(when, "America/New_York")


def test_a_one_off_in_the_fold_is_the_first_unless_told() -> None:
    first = AtTrigger("2025-11-02T01:30", "America/New_York").when
    second = AtTrigger(datetime(2025, 11, 2, 1, 30, fold=1), "America/New_York").when  # noqa: DTZ001
    assert second.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=1)


# -- the room --------------------------------------------------------------------------------------


def test_reading_schedules_imports_no_heavy_library() -> None:
    code = (
        "import sys, onebeat.scheduler.schedule, onebeat.scheduler.planner, onebeat.scheduler.agenda\n"
        "print([name for name in ('apscheduler', 'croniter', 'redis') if name in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


def test_every_public_name_is_there() -> None:
    import onebeat.scheduler as room

    assert all(getattr(room, name) is not None for name in room.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        room.Nothing  # noqa: B018


def test_the_two_showings_of_a_time_are_two() -> None:
    first, second = (AtTrigger(f"2025-11-02T01:30-0{n}:00", "America/New_York") for n in (4, 5))
    assert first != second
    assert str(first) != str(second)
    assert pickle.loads(pickle.dumps(second)).when.utcoffset() == timedelta(hours=-5)
