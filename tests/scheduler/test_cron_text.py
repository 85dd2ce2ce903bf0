"""Does each accepted spelling mean what it says? Rows of text and the values it names."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from onebeat.scheduler.cron import CronTrigger, compile_cron
from onebeat.scheduler.cron_fields import read_cron
from onebeat.scheduler.lookout import upcoming

MINUTES = [
    ("*", range(60)),
    ("0", [0]),
    ("05", [5]),
    ("1,2,59", [1, 2, 59]),
    ("5-5", [5]),  # croniter alone: every minute
    ("5-8", range(5, 9)),
    ("0-59", range(60)),
    ("*/15", [0, 15, 30, 45]),
    ("*/59", [0, 59]),
    ("10/20", [10, 30, 50]),
    ("10-40/15", [10, 25, 40]),
    ("*/30,7", [0, 7, 30]),
    ("7,7", [7]),
]
WEEKDAYS = [
    ("0", [0]),
    ("7", [0]),
    ("sun", [0]),
    ("MON-Fri", range(1, 6)),
    ("sat-sun", [6, 0]),
    ("5-7", [5, 6, 0]),
    ("0-7", range(7)),
    ("sun-sat", range(7)),
    ("sun-sun", [0]),
    ("7-7", [0]),
    ("1-7/2", [1, 3, 5, 0]),
    ("1-7/3", [1, 4, 0]),
    ("*/2", [0, 2, 4, 6]),
    ("3/2", [3, 5]),
]
MONTHS = [("jan", [1]), ("1,Dec", [1, 12]), ("mar-may", [3, 4, 5]), ("*/6", [1, 7]), ("dec-dec", [12])]


def bits(values: object) -> int:
    return sum(1 << value for value in set(values))


@pytest.mark.parametrize(("text", "values"), MINUTES)
def test_minutes_and_seconds(text: str, values: object) -> None:
    assert read_cron(f"{text} * * * *").minutes == bits(values)
    assert read_cron(f"{text} * * * * *").seconds == bits(values)


@pytest.mark.parametrize(("text", "values"), WEEKDAYS)
def test_weekdays(text: str, values: object) -> None:
    assert read_cron(f"0 0 * * {text}").weekdays == bits(values)


@pytest.mark.parametrize(("text", "values"), MONTHS)
def test_months(text: str, values: object) -> None:
    assert read_cron(f"0 0 1 {text} *").months == bits(values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@MIDNIGHT", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        ("  0\t0 * * *  ", "0 0 * * *"),
        ("0 0 ? * mon", "0 0 * * mon"),
        ("0 0 1 * ?", "0 0 1 * *"),
        ("0 0 * * 5L", "0 0 * * L5"),
        ("0 0 * * friL", "0 0 * * 5L"),
        ("0 0 W15 * *", "0 0 15W * *"),
        ("0 0 0 1 * *", "0 0 1 * *"),
    ],
)
def test_two_spellings_of_one_rule(text: str, expected: str) -> None:
    assert read_cron(text, "key") == read_cron(expected)


@pytest.mark.parametrize(
    ("text", "either"),
    [
        ("0 0 1 * mon", True),
        ("0 0 1-31 * mon", True),
        ("0 0 * * mon", False),
        ("0 0 1 * *", False),
        ("0 0 */2 * mon", False),
        ("0 0 1 * */2", False),
        ("0 0 ? * mon", False),
        ("0 0 5,*/2 * mon", True),
    ],
)
def test_days_join_by_or_unless_one_starts_with_a_star(text: str, either: bool) -> None:
    assert read_cron(text).either is either


@pytest.mark.parametrize(
    ("text", "wildcard"),
    [
        ("0 2 * * *", False),
        ("*/5 2 * * *", True),
        ("0 * * * *", True),
        ("0 */2 * * *", True),
        ("* 0 2 * * *", False),
    ],
)
def test_a_star_first_in_minute_or_hour_makes_a_wildcard(text: str, wildcard: bool) -> None:
    assert read_cron(text).wildcard is wildcard


@pytest.mark.parametrize(
    ("text", "first_fires"),
    [
        ("0 0 L * *", ["01-31", "02-28", "03-31"]),
        ("0 0 L-2 * *", ["01-29", "02-26", "03-29"]),
        ("0 0 LW * *", ["01-31", "02-28", "03-31"]),
        ("0 0 1W * *", ["01-01", "02-03", "03-03"]),
        ("0 0 15W * *", ["01-15", "02-14", "03-14"]),
        ("0 0 * * 5L", ["01-31", "02-28", "03-28"]),
        ("0 0 * * mon#1", ["01-06", "02-03", "03-03"]),
        ("0 0 * * mon#5", ["03-31", "06-30", "09-29"]),
        ("0 0 * * mon#2,fri", ["01-03", "01-10", "01-13"]),
        ("0 0 31 * *", ["01-31", "03-31", "05-31"]),
    ],
)
def test_days_that_the_calendar_decides(text: str, first_fires: list[str]) -> None:
    found = upcoming(CronTrigger(text), datetime(2024, 12, 31, 12, tzinfo=UTC), 3)
    assert [f"{fire:%m-%d}" for fire in found] == first_fires


def test_hashed_fields_use_all_slots_evenly() -> None:
    """`H H` spreads over all 1 440 minutes of the day (croniter: over 240)."""
    slots = Counter()
    for n in range(20_000):
        rule = read_cron("H H * * *", f"schedule-{n}")
        slots[rule.minutes, rule.hours] += 1
    assert len(slots) == 1440
    assert max(slots.values()) < 45  # 14 on average


@pytest.mark.parametrize("n", range(40))
def test_a_hashed_step_keeps_its_period(n: int) -> None:
    """`H/7` steps by seven from a start below seven; the last one may come early, as with `*/7`."""
    minutes = read_cron("H/7 * * * *", f"s{n}").minutes
    values = [minute for minute in range(60) if minutes >> minute & 1]
    assert values[0] < 7
    assert values == list(range(values[0], 60, 7))


def test_a_hashed_range_stays_inside() -> None:
    minutes = [read_cron("H(10-12) * * * *", f"s{n}").minutes for n in range(100)]
    assert set(minutes) == {1 << 10, 1 << 11, 1 << 12}


def test_a_hashed_day_exists_in_every_month() -> None:
    days = 0
    for n in range(1_000):
        days |= read_cron("0 0 H * *", f"s{n}").days
    assert days == bits(range(1, 29))


def test_a_key_changes_only_what_is_hashed() -> None:
    assert compile_cron("0 0 * * thu", key="a") is compile_cron("0 0 * * thu", key="b")
    assert compile_cron("H 0 * * *", key="a") is not compile_cron("H 0 * * *", key="b")
    assert CronTrigger("@daily", key="a") == CronTrigger("@daily")
