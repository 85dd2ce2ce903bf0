"""What becomes of each due time? Rows of cursor and clock, and one property over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from onebeat.events import SkipReason
from onebeat.scheduler import stretches
from onebeat.scheduler.cron import CronTrigger
from onebeat.scheduler.delay import actual_ms
from onebeat.scheduler.every import EveryTrigger
from onebeat.scheduler.exclusions import ExceptTrigger
from onebeat.scheduler.instants import at_ms, floor_ms
from onebeat.scheduler.manual import ManualTrigger
from onebeat.scheduler.planner import LATE_MS, Decision, Entry, Plan, plan
from onebeat.scheduler.schedule import CatchUp, CatchUpPolicy, Schedule, Trigger
from onebeat.scheduler.stretches import Skipped

M = 60_000
ONE, ALL, NONE = CatchUpPolicy.LATEST, CatchUpPolicy.ALL, CatchUpPolicy.NONE


@dataclass
class Fixed:
    """Fires at the given milliseconds, cannot count, and notes how often it was asked."""

    fires: list[int]
    asked: int = 0

    def next(self, after: datetime) -> datetime | None:
        self.asked += 1
        return next((at_ms(fire) for fire in self.fires if fire > floor_ms(after)), None)

    def prev(self, before: datetime) -> datetime | None:
        return next((at_ms(fire) for fire in reversed(self.fires) if at_ms(fire) < before), None)


def entry(trigger: Trigger, cursor_ms: int, **catch_up: object) -> Entry:
    return Entry(Schedule("s", "tasks:run", trigger, catch_up=CatchUp(**catch_up)), cursor_ms)


def decided(made: Plan) -> list[Decision]:
    return [step for _, step in made.decisions]


def skipped(count: int, first_ms: int, last_ms: int) -> tuple[Skipped, ...]:
    return (Skipped(SkipReason.WINDOW, count, first_ms, last_ms),)


# Every minute; the cursor stands at minute 0 (`at` 10 means ten minutes later).
ROWS = [
    ("nothing is due", {}, 59_999, []),
    ("due now", {}, M, [(0, M, 2 * M, ())]),
    ("late, but not missed", {"policy": NONE}, M + LATE_MS, [(0, M, 2 * M, ())]),
    ("one missed, latest", {}, M + LATE_MS + 1, [(0, M, 2 * M, ())]),
    ("one missed, none", {"policy": NONE}, M + LATE_MS + 1, [(0, None, 2 * M, skipped(1, M, M))]),
    ("many missed, latest", {}, 10 * M + 30_000, [(0, 10 * M, 11 * M, skipped(9, M, 9 * M))]),
    ("missed and late: the late one is the latest", {}, 10 * M, [(0, 10 * M, 11 * M, skipped(9, M, 9 * M))]),
    (
        "missed and late, all",
        {"policy": ALL, "max": 2},
        4 * M,
        [(0, 2 * M, 3 * M, skipped(1, M, M)), (2 * M, 3 * M, 4 * M, ()), (3 * M, 4 * M, 5 * M, ())],
    ),
    ("missed and late, none", {"policy": NONE}, 4 * M, [(0, 4 * M, 5 * M, skipped(3, M, 3 * M))]),
    (
        "outside of the window",
        {"window_ms": 20_000},
        10 * M + 30_000,
        [(0, None, 11 * M, skipped(10, M, 10 * M))],
    ),
    ("on the edge of the window", {"window_ms": 30_000}, M + 30_000, [(0, M, 2 * M, ())]),
    (
        "all, cut by the window",
        {"policy": ALL, "window_ms": 90_000},
        4 * M + 30_000,
        [(0, 3 * M, 4 * M, skipped(2, M, 2 * M)), (3 * M, 4 * M, 5 * M, ())],
    ),
    ("a window of nothing keeps what is merely late", {"window_ms": 0}, M + 5_000, [(0, M, 2 * M, ())]),
]


@pytest.mark.parametrize("trigger", [EveryTrigger(60), CronTrigger("* * * * *")], ids=["every", "cron"])
@pytest.mark.parametrize(
    ("catch_up", "now_ms", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_row_of_the_plan(
    trigger: Trigger, catch_up: dict[str, object], now_ms: int, expected: list[tuple[object, ...]]
) -> None:
    made = plan([entry(trigger, 0, **catch_up)], now_ms)
    assert decided(made) == expected
    assert made.wake_at_ms == (now_ms // M + 1) * M


def test_a_late_time_is_late_for_ten_seconds_each() -> None:
    """A fast schedule that stalled for eight seconds runs each of its times, in order."""
    made = plan([entry(EveryTrigger(2), 0)], 8_000)
    assert [(d.cursor_ms, d.nominal_ms) for d in decided(made)] == [
        (0, 2000),
        (2000, 4000),
        (4000, 6000),
        (6000, 8000),
    ]


def test_the_last_fire_leaves_nothing_to_wake_for() -> None:
    made = plan([entry(Fixed([5]), 0)], 5)
    assert (decided(made), made.wake_at_ms) == ([Decision(0, 5, None)], None)


def test_disabled_and_manual_schedules_are_left_alone() -> None:
    disabled = Entry(Schedule("off", "t", EveryTrigger(1), enabled=False), 0)
    assert plan([disabled, entry(ManualTrigger(), 0)], 10**12) == ([], None)


def test_schedules_with_one_trigger_ask_it_once() -> None:
    trigger = Fixed([M, 2 * M])
    made = plan([entry(trigger, 0) for _ in range(50)], M)
    assert len(made.decisions) == 50
    assert trigger.asked == 2


def test_schedules_that_share_a_trigger_differ_by_policy_and_by_cursor() -> None:
    trigger = EveryTrigger(60)
    entries = [entry(trigger, 0), entry(trigger, 0, policy=NONE), entry(trigger, M)]
    assert [(d.cursor_ms, d.nominal_ms, d.skipped) for d in decided(plan(entries, 2 * M + 30_000))] == [
        (0, 2 * M, skipped(1, M, M)),
        (0, None, skipped(2, M, 2 * M)),
        (M, 2 * M, ()),
    ]


def test_a_known_due_time_is_not_asked_for() -> None:
    trigger = Fixed([M])
    assert not plan([replace(entry(trigger, 0), due_ms=M)], M - 1).decisions
    assert trigger.asked == 0


def test_an_hour_of_a_fast_schedule_is_counted_without_listing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "SKIPS_MAX", 3)
    made = plan([entry(EveryTrigger(1), 0, window_ms=0, policy=NONE)], 3_600_000)
    assert decided(made)[0].skipped == skipped(3589, 1000, 3_589_000)


def test_what_cannot_be_counted_in_one_pass_continues_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "SKIPS_MAX", 3)
    trigger, now_ms, cursor_ms, steps = CronTrigger("* * * * *"), 9 * M + 30_000, 0, []
    while True:
        made = plan([entry(trigger, cursor_ms)], now_ms)
        steps += [(d.cursor_ms, d.moved_ms, d.nominal_ms) for d in decided(made)]
        cursor_ms = decided(made)[-1].moved_ms
        assert made.wake_at_ms is not None
        if made.wake_at_ms > now_ms:
            break
    assert steps == [(0, 3 * M, None), (3 * M, 6 * M, None), (6 * M, 9 * M, 9 * M)]


def test_jitter_delays_a_fire_and_leaves_its_nominal_time() -> None:
    schedule = Schedule("s", "t", EveryTrigger(60), jitter_ms=30_000)
    due_ms = actual_ms(schedule, M)
    assert M < due_ms <= M + 30_000
    waiting = plan([Entry(schedule, 0)], due_ms - 1)
    assert waiting == ([], due_ms)
    due = plan([Entry(schedule, 0)], due_ms)
    assert due == ([(schedule, Decision(0, M, 2 * M))], actual_ms(schedule, 2 * M))


def test_schedules_with_one_trigger_and_jitter_are_due_one_by_one() -> None:
    trigger = EveryTrigger(60)
    schedules = [Schedule(f"s{n}", "t", trigger, jitter_ms=50_000) for n in range(40)]
    now_ms = M + 25_000
    made = plan([Entry(one, 0) for one in schedules], now_ms)
    due = {one.id for one in schedules if actual_ms(one, M) <= now_ms}
    assert {schedule.id for schedule, _ in made.decisions} == due
    assert 5 < len(due) < 35


TRIGGERS = st.one_of(
    st.builds(EveryTrigger, st.sampled_from([0.5, 1, 7, 60, 3600]), st.sampled_from([0, 0.25, 90])),
    st.sampled_from(["* * * * *", "*/7 1-3 * * *", "30 2 * * *", "*/20 * * * * *", "0 0 1 * *"]).map(
        lambda text: CronTrigger(text, "America/New_York")
    ),
    st.lists(st.integers(1_740_000_000_000, 1_740_000_100_000), max_size=30, unique=True).map(
        lambda fires: Fixed(sorted(fires))
    ),
)
BEHIND_MS = st.one_of(st.integers(0, 20_000), st.integers(0, 4_000_000))
# around the end of the day 2025-02-19 in UTC
LEFT_OUT = st.builds(
    ExceptTrigger,
    st.sampled_from(
        [EveryTrigger(7), EveryTrigger(3600), CronTrigger("*/20 * * * * *"), EveryTrigger(93_600)]
    ),
    st.sampled_from([["2025-02-19"], ["2025-02-20"], ["2025-02-18/2025-02-19", "2025-02-21"], []]),
    st.sampled_from(["UTC", "Asia/Seoul"]),
)


@settings(max_examples=300, deadline=None)
@given(
    triggers=st.one_of(
        st.tuples(TRIGGERS, BEHIND_MS), st.tuples(LEFT_OUT, BEHIND_MS | st.integers(0, 190_000_000))
    ),
    cursor_ms=st.integers(1_739_999_990_000, 1_740_000_100_000),
    catch_up=st.builds(CatchUp, st.sampled_from(CatchUpPolicy), st.integers(0, 3_600_000), st.integers(1, 5)),
    later_ms=st.integers(0, 120_000),
    jitter_ms=st.one_of(st.just(0), st.integers(1, 100_000)),
)
def test_every_time_is_decided_exactly_once(
    triggers: tuple[Trigger, int], cursor_ms: int, catch_up: CatchUp, later_ms: int, jitter_ms: int
) -> None:
    """E2, E4, E5: over two passes the cursors form one chain that covers each due time, none early."""
    trigger, behind_ms = triggers
    schedule, start_ms = Schedule("s", "t", trigger, catch_up=catch_up, jitter_ms=jitter_ms), cursor_ms
    ran: list[int] = []
    told: list[Skipped] = []
    covered = 0
    last_ms = cursor_ms + behind_ms + later_ms
    for now_ms in (last_ms - later_ms, last_ms):
        made = plan([Entry(schedule, cursor_ms)], now_ms)
        for decision in decided(made):
            assert decision.cursor_ms == cursor_ms
            for stretch in decision.skipped:
                assert cursor_ms < stretch.first_ms <= stretch.last_ms <= now_ms
                assert stretch.last_ms < (decision.nominal_ms or now_ms + 1)
                covered += stretch.count
                told.append(stretch)
            if decision.nominal_ms is not None:
                assert cursor_ms < decision.nominal_ms <= actual_ms(schedule, decision.nominal_ms) <= now_ms
                late_ms = now_ms - actual_ms(schedule, decision.nominal_ms)
                assert late_ms <= max(LATE_MS, catch_up.window_ms)
                ran.append(decision.nominal_ms)
            cursor_ms = decision.moved_ms
        assert made.wake_at_ms is None or made.wake_at_ms > now_ms
    if isinstance(trigger, ExceptTrigger):
        assert_told(trigger, schedule, start_ms, cursor_ms, last_ms, ran, told)
        return
    due, at = [], at_ms(start_ms)
    while (found := trigger.next(at)) is not None and floor_ms(found) <= last_ms:
        at = found
        if actual_ms(schedule, floor_ms(found)) <= last_ms:
            due.append(floor_ms(found))
    assert len(ran) + covered == len(due)
    assert set(ran) <= set(due)
    assert ran == sorted(set(ran))


def assert_told(
    trigger: ExceptTrigger,
    schedule: Schedule,
    start_ms: int,
    cursor_ms: int,
    last_ms: int,
    ran: list[int],
    told: list[Skipped],
) -> None:
    """Each time up to the cursor ran or is in one stretch, for its reason; what comes after is not due."""
    at, stretches_of = at_ms(start_ms), {}
    while (found := trigger.trigger.next(at)) is not None and floor_ms(found) <= cursor_ms:
        at, nominal_ms = found, floor_ms(found)
        covering = [one for one in told if one.first_ms <= nominal_ms <= one.last_ms]
        assert len(covering) == (nominal_ms not in ran)
        for one in covering:
            assert one.reason == (SkipReason.EXCLUDED if trigger.excludes(found) else SkipReason.WINDOW)
            stretches_of[one] = stretches_of.get(one, 0) + 1
        assert not (nominal_ms in ran and trigger.excludes(found))
    assert stretches_of == {one: one.count for one in told}
    due = trigger.due(at_ms(cursor_ms))
    assert due is None or actual_ms(schedule, floor_ms(due)) > last_ms
