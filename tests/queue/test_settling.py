"""Does the state of a schedule go where the newest configuration has it, once, and is nothing lost?"""

from __future__ import annotations

import pytest

from onebeat.keys import QueueKeys, queue_keys
from onebeat.queue.settling import Homes, forget, settle
from onebeat.wire import Command, Store

QUEUES = ("a", "b")


class Room:
    """Two queues in which the configuration `new` is the newest."""

    def __init__(self, store: Store) -> None:
        self.store = store
        for queue in QUEUES:
            self.send("HSET", self.keys(queue).gen, "top", "new", "new", "2", "old", "1")

    def keys(self, queue: str) -> QueueKeys:
        return queue_keys(self.store.namespace, queue)

    def send(self, *words: str | int) -> object:
        return self.store.perform(Command(words))

    def put(self, queue: str, id_: str, cursor: int) -> None:
        self.send("HSET", self.keys(queue).sched, id_, cursor)
        self.send("ZADD", self.keys(queue).next, cursor + 1, id_)

    def settle(self, config: str = "new", formerly: dict[str, str] | None = None, **homes: str) -> int:
        where = Homes(config, homes, formerly or {})
        return self.store.run(settle(self.store.namespace, QUEUES, where, within_s=10.0))

    def cursors(self) -> dict[str, dict[str, int]]:
        found = {}
        for queue in QUEUES:
            _, entries = self.store.perform(Command(("HSCAN", self.keys(queue).sched, 0)))
            found[queue] = {id_.decode(): int(cursor) for id_, cursor in entries.items()}
        return found

    def next(self, queue: str) -> list[str]:
        return [id_.decode() for id_ in self.store.perform(Command(("ZRANGE", self.keys(queue).next, 0, -1)))]


@pytest.fixture
def room(store: Store) -> Room:
    return Room(store)


def test_a_schedule_goes_to_its_new_queue_with_all_it_has(room: Room) -> None:
    room.put("a", "x", 100)
    room.put("a", "stays", 200)
    a, b = room.keys("a"), room.keys("b")
    room.send("HSET", a.paused, "x", "0 broken")
    room.send("HSET", a.fails, "x", 2)
    room.send("HSET", a.runs, "x", 7)
    assert room.settle(x="b", stays="a") == 1
    assert room.cursors() == {"a": {"stays": 200}, "b": {"x": 100}}
    state = [room.send("HGET", key, "x") for key in (b.paused, b.fails, b.runs)]
    assert state == [b"0 broken", b"2", b"7"]
    assert [room.send("HLEN", key) for key in (a.paused, a.fails, a.runs)] == [0, 0, 0]
    assert room.next("a") == ["stays"]


def test_what_was_decided_in_either_queue_stays_decided(room: Room) -> None:
    """A beat died between copying and forgetting, and the schedule went on in the other queue."""
    room.put("a", "x", 100)
    room.put("b", "x", 300)
    room.settle(x="b")
    assert room.cursors() == {"a": {}, "b": {"x": 300}}
    room.put("a", "x", 200)
    room.send("HDEL", room.keys("b").gen, "settled")
    room.send("HDEL", room.keys("a").gen, "settled")
    room.settle(x="a")
    assert room.cursors() == {"a": {"x": 300}, "b": {}}


def test_a_renamed_schedule_goes_on_and_finds_its_way_back(room: Room) -> None:
    room.put("a", "was", 100)
    assert room.settle(formerly={"was": "now"}, now="b") == 1
    assert room.cursors() == {"a": {}, "b": {"now": 100}}
    for queue in QUEUES:
        room.send("HSET", room.keys(queue).gen, "top", "old")
    assert room.settle("old", was="a") == 1
    assert room.cursors() == {"a": {"was": 100}, "b": {}}


def test_what_is_not_declared_keeps_its_cursor_and_is_not_due(room: Room) -> None:
    room.put("a", "gone", 100)
    assert room.settle(x="a") == 0
    assert room.cursors()["a"] == {"gone": 100}
    assert room.next("a") == []


def test_an_older_configuration_moves_nothing(room: Room) -> None:
    room.put("a", "x", 100)
    assert room.settle("old", x="b") == 0
    assert room.cursors() == {"a": {"x": 100}, "b": {}}
    assert room.next("a") == ["x"]


def test_it_leaves_nothing_behind_where_the_new_queue_is_not_its_own_yet(room: Room) -> None:
    room.send("HSET", room.keys("b").gen, "top", "other")
    room.put("a", "x", 100)
    assert room.settle(x="b") == 0
    assert room.cursors() == {"a": {"x": 100}, "b": {}}
    room.send("HSET", room.keys("b").gen, "top", "new")
    assert room.settle(x="b") == 1, "it is tried again"


def test_settled_once_it_costs_nothing(room: Room) -> None:
    room.put("a", "x", 100)
    room.settle(x="a")
    room.put("a", "y", 100)
    assert room.settle(x="a", y="b") == 0
    assert room.cursors()["a"] == {"x": 100, "y": 100}


def test_many_are_moved_in_batches(room: Room) -> None:
    for number in range(600):
        room.put("a", f"s{number}", number)
    assert room.settle(**{f"s{number}": "b" for number in range(600)}) == 600
    assert room.cursors()["a"] == {}


def test_a_cursor_that_moved_meanwhile_is_not_forgotten(room: Room) -> None:
    room.put("a", "x", 200)
    a = room.keys("a")
    assert room.store.run(forget(a, "new", [("x", "100")], within_s=10.0)) == 0
    assert room.cursors()["a"] == {"x": 200}
    assert room.store.run(forget(a, "new", [("x", "200")], within_s=10.0)) == 1
    assert room.store.run(forget(a, "new", [("x", "200")], within_s=10.0)) == 0
    assert room.cursors()["a"] == {}
