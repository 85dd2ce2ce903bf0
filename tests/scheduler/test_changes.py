"""Is what changes between two configurations told in words, and no argument repeated?"""

from __future__ import annotations

import pytest

from onebeat.scheduler.changes import Change, Kind, changes, described
from tests.config.reading import schedule

BASE = "every: 1h"


def test_the_usual_is_left_out() -> None:
    assert described(schedule(BASE)) == {"task": "t:f", "trigger": "every 1h", "timezone": "UTC"}


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ("every: 2h", (("trigger", "every 1h", "every 2h"),)),
        ("every: 1h, queue: slow, priority: 1", (("priority", "", "1"), ("queue", "", "slow"))),
        ("every: 1h, timezone: Asia/Seoul", (("timezone", "UTC", "Asia/Seoul"),)),
        ("every: 1h, enabled: false", (("enabled", "", "false"),)),
        ("every: 1h, tags: [x, y]", (("tags", "", "[x, y]"),)),
        (
            "every: 1h, retries: {max: 1}",
            (("retries", "", "{max: 1, backoff: exponential, delay_ms: 10000, max_delay_ms: 600000}"),),
        ),
    ],
)
def test_a_changed_schedule(body: str, details: object) -> None:
    before = {"a": described(schedule(BASE))}
    assert changes(before, [schedule(body)]) == [Change(Kind.CHANGED, "a", details)]


def test_arguments_are_compared_and_not_told() -> None:
    one, two = (
        described(schedule(f"{BASE}, kwargs: {{password: {word}}}")) for word in ("hunter2", "hunter3")
    )
    assert one["arguments"] != two["arguments"]
    assert "hunter" not in str(one)


def test_added_removed_and_renamed() -> None:
    before = {"old": described(schedule(BASE)), "gone": described(schedule(BASE))}
    found = changes(before, [schedule(f"{BASE}, formerly: old")])
    assert [(one.kind, one.id, one.before_id) for one in found] == [
        (Kind.RENAMED, "a", "old"),
        (Kind.REMOVED, "gone", ""),
    ]
    assert [one.kind for one in changes({}, [schedule(BASE)])] == [Kind.ADDED]
