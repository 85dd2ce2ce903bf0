"""Do the triggers keep their contract: exclusive, aware, in their zone, equal when made equal?"""

from __future__ import annotations

import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger as TheirCron
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from onebeat.errors import ConfigError, InvalidDuration, InvalidZone
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
    ExceptTrigger(CronTrigger("0 9 * * *"), ["2026-03-02/2026-03-04", {"holidays": "KR"}], "Asia/Seoul"),
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


# -- in an APScheduler app -------------------------------------------------------------------------


def test_apscheduler_asks_from_now_on_and_then_after_the_previous() -> None:
    trigger = CronTrigger("0 12 * * *")
    assert trigger.get_next_fire_time(None, NOON) == NOON
    assert trigger.get_next_fire_time(NOON, NOON) == NOON + timedelta(days=1)


def test_apscheduler_accepts_our_triggers() -> None:
    scheduler = BackgroundScheduler(timezone="UTC")
    lasting = [one for one in TIMED if one.next(datetime.now(UTC) + timedelta(days=30))]
    for trigger in lasting:
        scheduler.add_job(print, trigger)
    scheduler.start(paused=True)
    try:
        assert len(scheduler.get_jobs()) == len(lasting) >= 10
        assert all(job.next_run_time for job in scheduler.get_jobs())
    finally:
        scheduler.shutdown()


# -- cron on the clocks of a zone ------------------------------------------------------------------


def wall(year: int, month: int, day: int, hour: int, minute: int = 0, *, fold: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=NEW_YORK, fold=fold).astimezone(UTC)


SPRING, AUTUMN = wall(2025, 3, 9, 0), wall(2025, 11, 2, 0)
DST_ROWS = [
    ("30 2 * * *", {}, SPRING, [wall(2025, 3, 9, 3), wall(2025, 3, 10, 2, 30)]),
    ("30 2 * * *", {"dst_gap": "skip"}, SPRING, [wall(2025, 3, 10, 2, 30)]),
    ("0,20,40 2 * * *", {}, SPRING, [wall(2025, 3, 9, 3), wall(2025, 3, 10, 2)]),
    ("30 2,3 * * *", {}, SPRING, [wall(2025, 3, 9, 3), wall(2025, 3, 9, 3, 30)]),
    ("0 2,3 * * *", {}, SPRING, [wall(2025, 3, 9, 3), wall(2025, 3, 10, 2)]),
    ("*/30 2 * * *", {}, SPRING, [wall(2025, 3, 10, 2)]),
    ("0 * * * *", {}, wall(2025, 3, 9, 1), [wall(2025, 3, 9, 3), wall(2025, 3, 9, 4)]),
    ("30 1 * * *", {}, AUTUMN, [wall(2025, 11, 2, 1, 30), wall(2025, 11, 3, 1, 30)]),
    (
        "30 1 * * *",
        {"dst_fold": "second"},
        AUTUMN,
        [wall(2025, 11, 2, 1, 30, fold=1), wall(2025, 11, 3, 1, 30)],
    ),
    (
        "30 1 * * *",
        {"dst_fold": "both"},
        AUTUMN,
        [wall(2025, 11, 2, 1, 30), wall(2025, 11, 2, 1, 30, fold=1)],
    ),
    ("30 * * * *", {}, wall(2025, 11, 2, 1), [wall(2025, 11, 2, 1, 30), wall(2025, 11, 2, 1, 30, fold=1)]),
    ("30 2 9 3 *", {"dst_gap": "skip"}, wall(2025, 1, 1, 0), [wall(2026, 3, 9, 2, 30)]),
]


@pytest.mark.parametrize(("text", "dst", "after", "fires"), DST_ROWS)
def test_a_change_of_the_clocks(
    text: str, dst: dict[str, str], after: datetime, fires: list[datetime]
) -> None:
    trigger = CronTrigger(text, "America/New_York", **dst)  # type: ignore[arg-type]
    found = upcoming(trigger, after, len(fires))
    assert [fire.astimezone(UTC) for fire in found] == fires
    assert all(fire.tzinfo is not None and fire.tzinfo.key == "America/New_York" for fire in found)  # type: ignore[attr-defined]


def test_a_day_that_a_zone_skipped_is_not_made_up_for() -> None:
    """Samoa had no 30 December 2011: a jump of 24 hours corrects the calendar, it saves no daylight."""
    fires = upcoming(CronTrigger("0 12 * * *", "Pacific/Apia"), datetime(2011, 12, 29, tzinfo=UTC), 2)
    assert [fire.day for fire in fires] == [29, 31]


def test_times_that_only_gaps_name_never_fire() -> None:
    """02:30 on the second Sunday of March: always jumped over, so the search has to end."""
    trigger = CronTrigger("30 2 * 3 sun#2", "America/New_York", dst_gap="skip")
    assert trigger.next(datetime(2010, 1, 1, tzinfo=UTC)) is None
    assert trigger.prev(datetime(2060, 1, 1, tzinfo=UTC)) is None


def test_the_rarest_date_is_found_across_a_century_without_a_leap_day() -> None:
    found = CronTrigger("0 0 29 2 *").next(datetime(2096, 3, 1, tzinfo=UTC))
    assert found == datetime(2104, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize("year", [1, 50, 9950, 9999])
def test_the_ends_of_time_are_answers(year: int) -> None:
    edge = datetime(year, 6, 1, tzinfo=UTC)
    trigger = CronTrigger("0 0 * * *", "Asia/Seoul")
    assert trigger.next(edge) is None
    assert trigger.prev(edge) is None
    assert EveryTrigger(60).next(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) is None


@pytest.mark.parametrize("words", [{"dst_gap": "later"}, {"dst_fold": "none"}])
def test_an_unknown_choice_is_refused(words: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="write one of"):
        CronTrigger("0 0 * * *", **words)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("Mars/Base", "write a name such as"),
        ("../../etc/passwd", "write a name such as"),
        ("/etc/localtime", "write a name such as"),
        ("localtime", "write a name such as"),
        ("right/UTC", "write a name such as|did you mean"),
        ("America", "write a name such as|did you mean"),
        ("", "write a name such as"),
        ("Asia/Soul", "did you mean Asia/Seoul"),
        ("Europe/London\0", "did you mean Europe/London"),
    ],
)
def test_what_is_no_zone_is_refused(name: str, mend: str) -> None:
    with pytest.raises(InvalidZone, match=mend):
        CronTrigger("0 0 * * *", name)


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
