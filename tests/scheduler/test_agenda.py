"""Does the agenda give each due schedule once, in order, and forget what was replaced?"""

from __future__ import annotations

import random

from onebeat.scheduler.agenda import Agenda
from onebeat.scheduler.delay import actual_ms
from onebeat.scheduler.every import EveryTrigger
from onebeat.scheduler.manual import ManualTrigger
from onebeat.scheduler.planner import Entry
from onebeat.scheduler.schedule import Schedule


def entry(name: str, due_ms: int | None = None, *, cursor_ms: int = 0, enabled: bool = True) -> Entry:
    return Entry(Schedule(name, "t", EveryTrigger(60), enabled=enabled), cursor_ms, due_ms)


def names(entries: list[Entry]) -> list[str]:
    return [taken.schedule.id for taken in entries]


def test_the_earliest_come_first_and_no_more_than_asked_for() -> None:
    agenda = Agenda([entry("c", 30), entry("a", 10), entry("b", 20), entry("later", 99)])
    assert agenda.wake_at_ms == 10
    assert names(agenda.take(30, limit=2)) == ["a", "b"]
    assert names(agenda.take(30, limit=2)) == ["c"]
    assert agenda.take(30, limit=2) == []
    assert agenda.wake_at_ms == 99
    assert len(agenda) == 4


def test_of_one_time_who_was_put_first_comes_first() -> None:
    agenda = Agenda([entry(name, 10) for name in "cab"])
    assert names(agenda.take(10, limit=1)) == ["c"]
    agenda.put(entry("d", 10))
    agenda.put(entry("early", 5))
    agenda.drop("a")
    assert agenda.wake_at_ms == 5
    assert names(agenda.take(10, limit=2)) == ["early", "b"]
    assert names(agenda.take(10, limit=9)) == ["d"]
    assert agenda.wake_at_ms is None


def test_an_entry_without_a_due_time_asks_its_trigger() -> None:
    agenda = Agenda([entry("a", cursor_ms=60_000)])
    assert agenda.wake_at_ms == 120_000
    assert agenda.take(120_000, 1)[0].due_ms == 120_000


def test_a_jittered_entry_is_due_when_its_jitter_says() -> None:
    schedule = Schedule("a", "t", EveryTrigger(60), jitter_ms=30_000)
    agenda = Agenda([Entry(schedule, 0)])
    assert agenda.wake_at_ms == actual_ms(schedule, 60_000) > 60_000
    assert agenda.take(agenda.wake_at_ms - 1, 1) == []
    assert agenda.take(agenda.wake_at_ms, 1)[0].due_ms == 60_000


def test_a_taken_entry_is_due_again_only_when_put() -> None:
    agenda = Agenda([entry("a", 10)])
    agenda.take(10, 1)
    assert agenda.wake_at_ms is None
    agenda.put(entry("a", 20))
    assert agenda.wake_at_ms == 20


def test_a_replaced_entry_never_surfaces() -> None:
    agenda = Agenda([entry("a", 10)])
    agenda.put(entry("a", 50))
    assert agenda.take(49, 10) == []
    assert names(agenda.take(50, 10)) == ["a"]


def test_a_dropped_schedule_is_gone() -> None:
    agenda = Agenda([entry("a", 10)])
    agenda.drop("a")
    agenda.drop("never known")
    assert agenda.wake_at_ms is None
    assert "a" not in agenda
    assert agenda.get("a") is None


def test_disabled_and_manual_schedules_are_known_but_never_due() -> None:
    agenda = Agenda([entry("off", 10, enabled=False), Entry(Schedule("hand", "t", ManualTrigger()), 0)])
    assert agenda.wake_at_ms is None
    assert "off" in agenda
    assert agenda.get("hand") is not None


def test_replacing_for_ever_does_not_grow_the_heap() -> None:
    agenda = Agenda()
    for due_ms in range(10_000):
        agenda.put(entry("a", 10_000_000 - due_ms))
        agenda.put(entry("b", due_ms + 1))
    assert sum(map(len, agenda._at.values())) <= 64 + 2 * 2 + 1
    assert agenda.wake_at_ms == 10_000


def test_it_agrees_with_a_sorted_list() -> None:
    luck = random.Random(7)
    agenda, model = Agenda(), {}
    for _ in range(3000):
        name = f"s{luck.randrange(60)}"
        action = luck.random()
        if action < 0.6:
            model[name] = luck.randrange(1000)
            agenda.put(entry(name, model[name]))
        elif action < 0.8:
            model.pop(name, None)
            agenda.drop(name)
        else:
            now_ms = luck.randrange(300)
            expected = sorted(due for due in model.values() if due <= now_ms)[:5]
            taken = agenda.take(now_ms, 5)
            assert [model.pop(found.schedule.id) for found in taken] == expected
        assert agenda.wake_at_ms == min(model.values(), default=None)
