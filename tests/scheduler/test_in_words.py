"""Does a trigger say in words when it fires, and what it does where the clocks change?"""

from __future__ import annotations

import pytest

from onebeat.scheduler import (
    AnyTrigger,
    AtTrigger,
    BoundedTrigger,
    CalendarTrigger,
    CronTrigger,
    EveryTrigger,
    ExceptTrigger,
    ManualTrigger,
    explain,
)
from onebeat.scheduler.schedule import Trigger

BERLIN, SEOUL = "Europe/Berlin", "Asia/Seoul"
AFTER = (
    "A time that the clocks jump over runs right after the jump;"
    " one that they show twice runs the first time."
)
FOLLOWS = "It follows the clocks: what they jump over does not exist, what they show twice runs twice."

ROWS: list[tuple[Trigger, str]] = [
    (
        CronTrigger("30 2 * * mon-fri", BERLIN),
        f"At 02:30, Monday through Friday, on the clocks of Europe/Berlin. {AFTER}",
    ),
    (CronTrigger("*/5 * * * *", BERLIN), f"Every 5 minutes, on the clocks of Europe/Berlin. {FOLLOWS}"),
    (CronTrigger("30 2 * * *", SEOUL), "At 02:30, on the clocks of Asia/Seoul."),
    (CronTrigger("@daily"), "At 00:00, on the clocks of UTC."),
    (CronTrigger("0 0 LW * *"), "At 00:00, on the last weekday of the month, on the clocks of UTC."),
    (
        CronTrigger("0 0 1 * mon"),
        "At 00:00, on day 1 of the month, or on Monday, on the clocks of UTC."
        " Day of the month or weekday: one of them is enough.",
    ),
    (
        CronTrigger("30 2 * * *", BERLIN, dst_gap="skip", dst_fold="both"),
        "At 02:30, on the clocks of Europe/Berlin. A time that the clocks jump over is left out;"
        " one that they show twice runs both times.",
    ),
    (
        CalendarTrigger(months=1, day="last", at="18:00", timezone=BERLIN, dst_fold="second"),
        f"Every month on last at 18:00, on the clocks of Europe/Berlin. {AFTER.replace('first', 'second')}",
    ),
    (EveryTrigger(300, 90), "Every 5m offset 1m30s."),
    (AtTrigger("2026-12-31T23:00", SEOUL), "Once, at 2026-12-31T23:00:00+09:00."),
    (ManualTrigger(), "Manual."),
    (
        AnyTrigger([CronTrigger("0 9 * * *", BERLIN), EveryTrigger(2700)]),
        f"At 09:00, on the clocks of Europe/Berlin. Or: Every 45m. {AFTER}",
    ),
    (
        ExceptTrigger(BoundedTrigger(CronTrigger("0 9 * * *"), "2026-01-01"), ["2026-12-24/2026-12-31"]),
        "At 09:00, on the clocks of UTC. Only from 2026-01-01T00:00:00+00:00."
        " Not 2026-12-24/2026-12-31 in UTC.",
    ),
]


@pytest.mark.parametrize(("trigger", "text"), ROWS, ids=lambda value: str(value)[:40])
def test_words(trigger: Trigger, text: str) -> None:
    assert explain(trigger) == text


def test_hashed_numbers_are_shown_as_drawn() -> None:
    first, second = (explain(CronTrigger("H H(2-4) * * *", key=key)) for key in ("a", "b"))
    assert first != second
    assert "H" not in first.replace("UTC", "")
    assert CronTrigger("H/20 * * * *", key="a").expr == "H/20 * * * *"
    assert "Every 20 minutes" in explain(CronTrigger("H/20 * * * *", key="a"))


@pytest.mark.parametrize("text", ["0 0 L-3 * *", "0 0 * * 5L", "0 0 * * L5", "0 0 W15 * *", "0 0 ? * mon#2"])
def test_every_spelling_has_words(text: str) -> None:
    assert explain(CronTrigger(text)).endswith("on the clocks of UTC.")
