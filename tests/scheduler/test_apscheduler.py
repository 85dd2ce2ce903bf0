"""Do our triggers serve in an APScheduler app, and its triggers in a schedule?"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from apscheduler.events import EVENT_JOB_SUBMITTED, JobSubmissionEvent
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
from apscheduler.triggers.combining import AndTrigger, OrTrigger
from apscheduler.triggers.cron import CronTrigger as TheirCron
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from onebeat.errors import ConfigError
from onebeat.scheduler import (
    AnyTrigger,
    CalendarTrigger,
    CronTrigger,
    EveryTrigger,
    ExceptTrigger,
    JitterTrigger,
    adapt,
    recent,
    upcoming,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = [
    CronTrigger("*/2 * * * * *"),
    EveryTrigger(2),
    AnyTrigger([CronTrigger("*/2 * * * * *"), EveryTrigger(4)]),
    JitterTrigger(EveryTrigger(1), 0.2, "soon"),
    ExceptTrigger(EveryTrigger(1), ["1999-12-31"]),
]


@pytest.fixture
def scheduler() -> Iterator[BackgroundScheduler]:
    made = BackgroundScheduler(timezone="America/New_York")
    made.start(paused=True)
    yield made
    made.shutdown()


def test_apscheduler_asks_from_now_on_and_then_after_the_previous() -> None:
    trigger = CronTrigger("0 12 * * *")
    assert trigger.get_next_fire_time(None, NOON) == NOON
    assert trigger.get_next_fire_time(NOON, NOON) == NOON + timedelta(days=1)


def test_its_scheduler_runs_what_our_triggers_say(scheduler: BackgroundScheduler) -> None:
    """A plain scheduler, on real time: each trigger is fired at times of its own, each once."""
    seen: dict[str, list[datetime]] = {str(one): [] for one in OURS}
    enough = threading.Event()

    def note(event: JobSubmissionEvent) -> None:
        seen[event.job_id] += event.scheduled_run_times
        if all(len(fires) >= 2 for fires in seen.values()):
            enough.set()

    scheduler.add_listener(note, EVENT_JOB_SUBMITTED)
    for trigger in OURS:
        scheduler.add_job(int, trigger, id=str(trigger), misfire_grace_time=None, coalesce=False)
    scheduler.resume()
    assert enough.wait(60)
    scheduler.pause()
    for trigger in OURS:
        fires = seen[str(trigger)]
        assert [trigger.next(fire) for fire, _ in pairwise(fires)] == fires[1:], trigger


def test_our_triggers_live_in_its_or_and_in_its_stores(scheduler: BackgroundScheduler) -> None:
    both = OrTrigger([CronTrigger("0 3 * * *", "Asia/Seoul"), CalendarTrigger(weeks=1, at="02:00")])
    job = scheduler.add_job(int, both)
    twin = pickle.loads(pickle.dumps(both))  # as its stores do
    assert twin.triggers == both.triggers
    assert twin.get_next_fire_time(None, NOON) == both.get_next_fire_time(None, NOON)
    assert job.trigger is both


# -- its triggers, adapted ---------------------------------------------------------------------------

START = datetime(2025, 6, 1, 0, 10, tzinfo=UTC)
THEIRS = [
    TheirCron(hour=3, minute=7, timezone="America/New_York"),
    TheirCron(second="*/20", timezone="Asia/Seoul"),
    TheirCron(year=2026, month=4, timezone="UTC"),
    IntervalTrigger(minutes=7, start_date=START),
    IntervalTrigger(seconds=0.7, start_date=START),
    IntervalTrigger(weeks=40, start_date=START, end_date=NOON + timedelta(days=400)),
    CalendarIntervalTrigger(months=1, hour=4, start_date=START, timezone="UTC"),
    DateTrigger(NOON + timedelta(days=3)),
    DateTrigger(NOON - timedelta(days=3)),
    OrTrigger([IntervalTrigger(hours=7, start_date=START), DateTrigger(NOON + timedelta(hours=1))]),
]


@pytest.mark.parametrize("theirs", THEIRS, ids=repr)
def test_an_adapted_trigger_goes_forwards_and_backwards_over_the_same_fires(theirs: BaseTrigger) -> None:
    trigger = adapt(theirs)
    around = NOON + timedelta(milliseconds=1)
    fires = [*reversed(recent(trigger, around, 9)), *upcoming(trigger, around, 9)]
    assert fires
    assert all(later > fire for fire, later in pairwise(fires))
    assert upcoming(trigger, fires[0], len(fires) - 1) == fires[1:]
    assert recent(trigger, fires[-1], len(fires) - 1) == fires[-2::-1]
    assert all(fire.microsecond % 1000 == 0 for fire in fires)


def test_its_or_does_not_start_intervals_anew() -> None:
    """APScheduler alone counts the interval on from the date: after 13:00 comes 20:00."""
    fires = upcoming(adapt(THEIRS[-1]), NOON, 3)
    assert [fire.strftime("%H:%M") for fire in fires] == ["13:00", "14:10", "21:10"]


def test_equal_rules_make_equal_triggers() -> None:
    first, twin = (adapt(IntervalTrigger(minutes=7, start_date=START)) for _ in range(2))
    assert first == twin
    assert hash(first) == hash(twin)
    assert first != adapt(IntervalTrigger(minutes=8, start_date=START))
    assert adapt(first) is first


class Nameless(BaseTrigger):
    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        return None


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        ("0 0 * * *", "is no trigger"),
        (None, "is no trigger"),
        (TheirCron(hour=3, jitter=60), "draws its jitter anew"),
        (AndTrigger([IntervalTrigger(hours=7, start_date=START)]), "may search without end"),
        (OrTrigger([TheirCron(hour=3, jitter=60)]), "draws its jitter anew"),
        (
            IntervalTrigger(minutes=5, start_date=START + timedelta(microseconds=7)),
            "counts from the moment it was made.*give it a start_date",
        ),
        (Nameless(), "give it a __repr__"),
    ],
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)
def test_what_differs_from_process_to_process_is_refused(theirs: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        adapt(theirs)
