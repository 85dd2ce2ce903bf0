"""Do the keys about time become the triggers that they say?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from onebeat.scheduler import (
    AnyTrigger,
    AtTrigger,
    BoundedTrigger,
    CalendarTrigger,
    CronTrigger,
    EveryTrigger,
    ExceptTrigger,
    upcoming,
)
from tests.config.reading import good, schedule

NEW_YORK = "America/New_York"
NIGHTLY = CronTrigger("30 2 * * *", NEW_YORK)


@pytest.mark.parametrize(
    ("body", "trigger", "text"),
    [
        (
            "calendar: {months: 1, day: last, at: ['18:00']}",
            CalendarTrigger(months=1, day="last", at="18:00", timezone=NEW_YORK),
            "every month on last at 18:00",
        ),
        (
            "calendar: {weeks: 2, day: [mon, thu], at: '09:30', anchor: 2026-01-05}",
            CalendarTrigger(weeks=2, day=("mon", "thu"), at="09:30", anchor="2026-01-05", timezone=NEW_YORK),
            "every 2 weeks on mon, thu at 09:30 counted from 2026-01-05",
        ),
        (
            "calendar: {years: 1, month: feb, day: 29}, dst: {gap: skip, fold: both}",
            CalendarTrigger(years=1, month=2, day=29, timezone=NEW_YORK, dst_gap="skip", dst_fold="both"),
            "every year in feb on 29 at 00:00",
        ),
        ("calendar: {days: 3}", CalendarTrigger(days=3, timezone=NEW_YORK), "every 3 days at 00:00"),
        (
            "any: [{cron: 30 2 * * *}, {every: 45m, offset: 5m}, {at: 2026-12-31T23:00}]",
            AnyTrigger([NIGHTLY, EveryTrigger(2700, 300), AtTrigger("2026-12-31T23:00", NEW_YORK)]),
            'any of cron "30 2 * * *", every 45m offset 5m, at 2026-12-31T23:00',
        ),
        (
            "cron: 30 2 * * *, start: 2026-01-01T00:00, end: 2026-12-31",
            BoundedTrigger(NIGHTLY, "2026-01-01T00:00", "2026-12-31T23:59:59.999", NEW_YORK),
            'cron "30 2 * * *" from 2026-01-01T00:00 until 2026-12-31',
        ),
        (
            "cron: 30 2 * * *, except: [2026-12-24, 2026-12-31/2027-01-02], jitter: 5m",
            ExceptTrigger(NIGHTLY, ["2026-12-31/2027-01-02", "2026-12-24"], NEW_YORK),
            'cron "30 2 * * *" except 2026-12-24, 2026-12-31/2027-01-02 jitter 5m',
        ),
        (
            "cron: 30 2 * * *, dst: {fold: second}",
            CronTrigger("30 2 * * *", NEW_YORK, dst_fold="second"),
            'cron "30 2 * * *"',
        ),
    ],
)
def test_triggers(body: str, trigger: object, text: str) -> None:
    found = schedule(f"{body}, timezone: {NEW_YORK}")
    assert found.trigger == trigger
    assert found.trigger_text == text


def test_limits_meet_in_one_schedule() -> None:
    found = schedule(
        "any: [{cron: 0 9 * * *}, {cron: 0 9 * * mon}], start: 2026-03-02, end: 2026-03-05T09:00,"
        " except: [2026-03-03]"
    )
    fires = upcoming(found.trigger, datetime(2026, 1, 1, tzinfo=UTC), 9)
    assert [fire.day for fire in fires] == [2, 4, 5]


def test_jitter_is_a_matter_of_the_schedule_and_null_takes_it_back() -> None:
    reading = good(
        "defaults: {jitter: 90s}\n"
        "schedules: {a: {task: t:f, every: 5m}, b: {task: t:f, every: 5m, jitter: null}}"
    )
    first, second = (one for _, one in reading.schedules)
    assert (first.jitter_ms, second.jitter_ms) == (90_000, 0)
    assert first.trigger == second.trigger
    assert first.fingerprint != second.fingerprint


def test_schedules_with_one_rule_share_its_trigger() -> None:
    bodies = [f"s{n}: {{task: t:f, cron: 0 9 * * *, jitter: {n + 1}m}}" for n in range(3)]
    reading = good(f"schedules: {{{', '.join(bodies)}}}")
    assert len({id(one.trigger) for _, one in reading.schedules}) == 1
