"""Do calendar, any, start and end, except and jitter fire when they say, and only then?"""

from __future__ import annotations

import random
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from onebeat.errors import ConfigError, InvalidDuration
from onebeat.scheduler import (
    AnyTrigger,
    BoundedTrigger,
    CalendarTrigger,
    CronTrigger,
    EveryTrigger,
    ExceptTrigger,
    JitterTrigger,
    recent,
    upcoming,
    zones,
)
from onebeat.scheduler.delay import delay_ms
from onebeat.scheduler.instants import floor_ms

FRESH = random.SystemRandom().randrange(10**9)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)


def days(fires: list[datetime]) -> list[str]:
    return [f"{fire:%m-%d}" for fire in fires]


# -- calendar ----------------------------------------------------------------------------------------


def listed(words: dict[str, object], first: date, last: date) -> list[date]:
    """The days of a calendar, told day by day: its period is counted from the anchor's."""
    anchor = date.fromisoformat(str(words["anchor"]))
    found = []
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        month_end = monthrange(day.year, day.month)[1]
        wanted = words.get("day", ())
        on = day.day in wanted or ("last" in wanted and day.day == month_end)
        months = (day.year - anchor.year) * 12 + day.month - anchor.month
        if "days" in words:
            matches = (day - anchor).days % words["days"] == 0
        elif "weeks" in words:
            monday, start = (one - timedelta(days=one.weekday()) for one in (day, anchor))
            matches = (monday - start).days // 7 % words["weeks"] == 0
            matches = matches and f"{day:%a}".lower() in wanted
        elif "months" in words:
            matches = months % words["months"] == 0 and on
        else:
            in_years = (day.year - anchor.year) % words["years"] == 0
            matches = in_years and day.month == words["month"] and on
        if matches:
            found.append(day)
    return found


def calendar_words(luck: random.Random) -> dict[str, object]:
    anchor = (date(2019, 1, 1) + timedelta(days=luck.randrange(1000))).isoformat()
    month_days = luck.sample([1, 15, 28, 29, 30, 31, "last"], luck.randint(1, 3))
    weekdays = luck.sample(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], luck.randint(1, 3))
    unit = luck.choice(("days", "weeks", "months", "years"))
    words: dict[str, object] = {unit: luck.randint(1, 5), "anchor": anchor}
    if unit == "years":
        words["month"] = luck.choice((1, 3, 12))
    if unit != "days":
        words["day"] = weekdays if unit == "weeks" else month_days
    return words


@pytest.mark.parametrize("seed", [1, FRESH], ids=["1", "fresh"])
def test_a_calendar_has_the_days_that_counting_finds(seed: int) -> None:
    luck = random.Random(seed)
    first, last = date(2023, 1, 1), date(2028, 12, 31)
    for _ in range(60):
        words = calendar_words(luck)
        trigger = CalendarTrigger(**words, at="07:00")
        expected = listed(words, first, last)
        start = datetime(2023, 1, 1, tzinfo=UTC)
        fires = upcoming(trigger, start, len(expected) + 1)
        assert [fire.date() for fire in fires[: len(expected)]] == expected, f"seed {seed}: {words}"
        assert all(fire.date() > last for fire in fires[len(expected) :])
        end = datetime(2029, 1, 1, tzinfo=UTC)
        assert [fire.date() for fire in recent(trigger, end, len(expected))] == expected[::-1]


def test_a_calendar_keeps_to_the_rule_of_daylight_saving() -> None:
    march = datetime(2026, 3, 7, tzinfo=UTC)
    zone = {"days": 1, "at": "02:30", "timezone": "America/New_York"}
    assert [f"{fire:%d %H:%M}" for fire in upcoming(CalendarTrigger(**zone), march, 2)] == [
        "07 02:30",
        "08 03:00",
    ]
    skipping = CalendarTrigger(**zone, dst_gap="skip")
    assert [f"{fire:%d %H:%M}" for fire in upcoming(skipping, march, 2)] == ["07 02:30", "09 02:30"]


def test_a_rule_of_decades_is_found() -> None:
    trigger = CalendarTrigger(years=40, month="feb", day=29, anchor="2000-01-01")
    found = upcoming(trigger, datetime(2161, 1, 1, tzinfo=UTC), 2)
    assert [fire.year for fire in found] == [2240, 2280]  # 2200 has no leap day
    assert recent(trigger, found[0], 1)[0].year == 2160


@pytest.mark.parametrize("days_", [0, -1, 14_611])
def test_a_calendar_counts_up_to_forty_years(days_: int) -> None:
    with pytest.raises(ConfigError, match=r"out of range|counts one of"):
        CalendarTrigger(days=days_)


# -- any ---------------------------------------------------------------------------------------------


def test_rules_that_meet_fire_once() -> None:
    trigger = AnyTrigger([CronTrigger("0 * * * *"), EveryTrigger(2700), CronTrigger("0,30 * * * *")])
    fires = upcoming(trigger, NOON, 6)
    assert [f"{fire:%H:%M}" for fire in fires] == ["12:30", "12:45", "13:00", "13:30", "14:00", "14:15"]
    assert recent(trigger, fires[-1], 5) == fires[-2::-1]


def test_rules_meet_by_instant_in_an_hour_that_is_shown_twice() -> None:
    """On one clock 01:10 of the second showing is read before 01:50 of the first, and comes later."""
    zone = "America/New_York"
    trigger = AnyTrigger([CronTrigger("50 * * * *", zone), CronTrigger("10 * * * *", zone)])
    fires = upcoming(trigger, datetime(2025, 11, 2, 5, 0, tzinfo=UTC), 4)
    assert [f"{fire.astimezone(UTC):%H:%M}" for fire in fires] == ["05:10", "05:50", "06:10", "06:50"]


def test_any_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one"):
        AnyTrigger([])


# -- start and end -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-01-02T00:00", "2026-01-04T00:00", ["01-02", "01-03", "01-04"]),
        ("2026-01-02T00:01", "2026-01-03T23:59", ["01-03"]),
        ("2026-01-02", "2026-01-03", ["01-02", "01-03"]),
        (datetime(2026, 1, 1, 15, tzinfo=UTC), datetime(2026, 1, 2, 15, tzinfo=UTC), ["01-02", "01-03"]),
    ],
)
def test_both_ends_are_included(start: datetime | str, end: datetime | str, expected: list[str]) -> None:
    trigger = BoundedTrigger(CronTrigger("0 0 * * *", "Asia/Seoul"), start, end, "Asia/Seoul")
    assert days(upcoming(trigger, LONG_AGO, 9)) == expected
    assert days(recent(trigger, datetime(2100, 1, 1, tzinfo=UTC), 9)) == expected[::-1]


def test_a_day_that_begins_after_midnight_is_a_whole_day() -> None:
    """Beirut's clocks jumped from 00:00 to 01:00 on 30 March 2025: the day began at 01:00."""
    trigger = BoundedTrigger(EveryTrigger(900), "2025-03-30", "2025-03-30", "Asia/Beirut")
    fires = [fire.astimezone(UTC) for fire in upcoming(trigger, LONG_AGO, 200)]
    assert fires[0] == datetime(2025, 3, 29, 22, tzinfo=UTC)
    assert len(fires) == 23 * 4


# -- except ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left_out", "expected"),
    [
        (["2026-03-02"], ["03-03", "03-04", "03-05"]),
        (["2026-03-02/2026-03-03", "2026-03-04/2026-03-10"], ["03-11", "03-12", "03-13"]),
        (["2026-03-05/2026-03-20", "2026-03-03/2026-03-07"], ["03-02", "03-21", "03-22"]),
        ([date(2026, 3, 3)], ["03-02", "03-04", "03-05"]),
        ([], ["03-02", "03-03", "03-04"]),
    ],
)
def test_days_are_left_out(left_out: list[object], expected: list[str]) -> None:
    trigger = ExceptTrigger(CronTrigger("0 9 * * *"), left_out)
    fires = upcoming(trigger, NOON, 3)
    assert days(fires) == expected
    assert recent(trigger, fires[-1], 2) == fires[1::-1]


def test_days_are_those_of_the_zone() -> None:
    trigger = ExceptTrigger(EveryTrigger(3600), ["2026-03-02"], "Asia/Seoul")
    fires = upcoming(trigger, NOON, 4)  # 21:00 in Seoul; the second of March ends there at 15:00 UTC
    assert [f"{fire:%d %H}" for fire in fires] == ["01 13", "01 14", "02 15", "02 16"]


@pytest.mark.parametrize("chunk_s", [zones.CHUNK_S, 1800])
def test_a_day_that_comes_back_is_not_jumped_over(monkeypatch: pytest.MonkeyPatch, chunk_s: int) -> None:
    """At 00:01 on 29 October 2006 the clocks of St John's went back to 23:01 of the 28th."""
    zone = "America/St_Johns"
    monkeypatch.setattr(zones, "CHUNK_S", chunk_s)
    trigger = ExceptTrigger(CronTrigger("*/15 * * * *", zone), ["2006-10-29"], zone)
    monkeypatch.setattr(trigger._zone, "_chunks", {})
    monkeypatch.setattr(trigger._zone, "_near", zones.NOWHERE)
    fires = upcoming(trigger, datetime(2006, 10, 29, 2, 0, tzinfo=UTC), 6)
    assert [f"{fire:%d %H:%M} {fire.fold}" for fire in fires] == [
        *("28 23:45 0", "28 23:15 1", "28 23:30 1", "28 23:45 1"),
        *("30 00:00 0", "30 00:15 0"),
    ]
    assert recent(trigger, fires[-1], 5) == fires[-2::-1]


def test_every_second_of_a_long_absence_costs_nothing() -> None:
    trigger = ExceptTrigger(EveryTrigger(1), ["2026-01-01/2035-12-31"])
    assert trigger.next(NOON) == datetime(2036, 1, 1, tzinfo=UTC)


def test_a_rule_without_other_days_ends() -> None:
    trigger = ExceptTrigger(CronTrigger("0 0 1 1 *"), ["1900-01-01/2999-12-31"])
    assert trigger.prev(NOON) == datetime(1899, 1, 1, tzinfo=UTC)
    assert trigger.next(NOON) == datetime(3000, 1, 1, tzinfo=UTC)
    assert ExceptTrigger(BoundedTrigger(trigger, "1901-01-01", "2000-01-01"), []).next(LONG_AGO) is None


# -- jitter ------------------------------------------------------------------------------------------


def test_jitter_is_the_same_for_ever() -> None:
    """A changed hash would move the fires of everybody's schedules at an upgrade."""
    draws = [delay_ms("nightly", n * 60_000, None, 300_000) for n in range(4)]
    assert draws == [
        237_282,
        44_117,
        38_295,
        139_219,
    ]


def test_jitter_stays_before_the_next_fire_and_spreads() -> None:
    draws = [delay_ms(f"s{n}", 0, 1000, 300_000) for n in range(3000)]
    assert min(draws) < 20
    assert 980 < max(draws) < 1000
    assert abs(sum(draws) / len(draws) - 499.5) < 30
    assert delay_ms("s", 0, 1, 300_000) == 0


def test_delayed_fires_keep_their_order_and_stay_near() -> None:
    trigger = JitterTrigger(EveryTrigger(1), 300, "x")
    fires = upcoming(trigger, NOON, 500)
    assert all(later > fire for fire, later in pairwise(fires))
    seconds = [floor_ms(fire) // 1000 for fire in fires]
    assert seconds == list(range(seconds[0], seconds[0] + 500))
    assert recent(trigger, fires[-1], 499) == fires[-2::-1]


def test_jitter_has_a_unit_of_milliseconds() -> None:
    with pytest.raises(InvalidDuration):
        JitterTrigger(EveryTrigger(1), -1, "x")
