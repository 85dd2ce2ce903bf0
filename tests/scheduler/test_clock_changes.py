"""What does a cron schedule do where the clocks change, and what is refused as a zone? Rows."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from onebeat.errors import ConfigError, InvalidZone
from onebeat.scheduler import CronTrigger, EveryTrigger, upcoming

NEW_YORK = ZoneInfo("America/New_York")


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
    trigger = CronTrigger(text, "America/New_York", **dst)
    found = upcoming(trigger, after, len(fires))
    assert [fire.astimezone(UTC) for fire in found] == fires
    assert all(fire.tzinfo is not None and fire.tzinfo.key == "America/New_York" for fire in found)


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
        CronTrigger("0 0 * * *", **words)


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
