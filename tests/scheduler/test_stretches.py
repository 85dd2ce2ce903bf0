"""What of `except` is told, when, and in how many rows?"""

from __future__ import annotations

from onebeat.events import SkipReason
from onebeat.scheduler.cron import CronTrigger
from onebeat.scheduler.every import EveryTrigger
from onebeat.scheduler.exclusions import ExceptTrigger
from onebeat.scheduler.instants import at_ms
from onebeat.scheduler.planner import Decision, Entry, plan
from onebeat.scheduler.schedule import Schedule
from onebeat.scheduler.stretches import Skipped
from tests.scheduler.test_planner import decided

DAY = 86_400_000


def entry(trigger: ExceptTrigger, cursor_ms: int) -> Entry:
    return Entry(Schedule("s", "tasks:run", trigger), cursor_ms)


def days(*left_out: str) -> ExceptTrigger:
    return ExceptTrigger(EveryTrigger(1), left_out)


def test_a_day_that_is_left_out_is_one_stretch_told_with_its_last_time() -> None:
    """Not each second, and not only with the next fire."""
    trigger = days("1970-01-02/1970-01-08")
    waiting = plan([entry(trigger, DAY - 1000)], DAY + 5_000)
    assert waiting == ([], 2 * DAY - 1000)
    made = plan([entry(trigger, DAY - 1000)], 2 * DAY - 1000)
    assert decided(made) == [
        Decision(DAY - 1000, None, 8 * DAY, (Skipped(SkipReason.EXCLUDED, 86_400, DAY, 2 * DAY - 1000),))
    ]
    assert made.wake_at_ms == 3 * DAY - 1000


def test_a_daily_schedule_tells_a_day_that_is_left_out_at_its_time() -> None:
    trigger = ExceptTrigger(CronTrigger("0 9 * * *"), ["1970-01-02"])
    nine_ms = DAY + 9 * 3_600_000
    made = plan([entry(trigger, nine_ms - DAY)], nine_ms)
    assert decided(made) == [
        Decision(nine_ms - DAY, None, nine_ms + DAY, (Skipped(SkipReason.EXCLUDED, 1, nine_ms, nine_ms),))
    ]


def test_who_was_away_tells_a_left_out_week_in_one_stretch_between_those_that_were_missed() -> None:
    trigger = days("1970-01-02/1970-01-08")
    made = decided(plan([entry(trigger, DAY - 3_000)], 8 * DAY + 60_500))[0]
    assert made.skipped == (
        Skipped(SkipReason.WINDOW, 2, DAY - 2_000, DAY - 1_000),
        Skipped(SkipReason.EXCLUDED, 7 * 86_400, DAY, 8 * DAY - 1_000),
        Skipped(SkipReason.WINDOW, 51, 8 * DAY, 8 * DAY + 50_000),
    )
    assert made.nominal_ms == 8 * DAY + 51_000


def test_many_stretches_are_told_in_several_passes() -> None:
    left_out = [at_ms(n * 2 * DAY).date().isoformat() for n in range(1, 200)]
    trigger = ExceptTrigger(EveryTrigger(3600), left_out)
    cursor_ms, now_ms, passes = 0, 400 * DAY, []
    while not passes or passes[-1].nominal_ms is None:
        passes += decided(plan([entry(trigger, cursor_ms)], now_ms))
        cursor_ms = passes[-1].moved_ms
    assert [len(one.skipped) for one in passes] == [100, 100, 100, 99]
    assert sum(part.count for one in passes for part in one.skipped) == 400 * 24 - 1
    assert passes[-1].nominal_ms == now_ms
