"""Does an enqueue store exactly what it says, once per sender and number?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from onebeat.errors import StoreError
from onebeat.keys import QueueKeys
from onebeat.queue.scripts import ENQUEUE
from tests.queue.room import FAR_MS, Room, State, record, then

DAY_MS = 86_400_000
Said = tuple[str, int, str, str]  # words, delay in ms, key, fingerprint


def say(keys: QueueKeys, messages: Sequence[Said], *, lane: str = "l", seq: int = 1) -> Any:
    """The call for these messages."""
    uniq = [keys.uniq(key) for _, _, key, _ in messages if key]
    rules, place = {}, 0
    for number, (_, delay_ms, key, fingerprint) in enumerate(messages, 1):
        place += bool(key)
        rules[number] = (delay_ms, place if key else 0, fingerprint, DAY_MS)
    return ENQUEUE.call(
        ready=keys.ready, due=keys.due, duerec=keys.duerec, bell=keys.bell, stats=keys.stats,
        unique=keys.unique, awaited=keys.awaited,
        lane=keys.lane(lane), uniq=uniq, seq=seq, lane_ttl_ms=600_000, rules=msgspec.msgpack.encode(rules),
        records=[record(words) for words, *_ in messages],
    )  # fmt: skip


def send(room: Room, *messages: Said, lane: str = "l", seq: int = 1) -> list[str]:
    answers = room.store.perform(say(room.keys, messages, lane=lane, seq=seq))
    return [answer.decode() for answer in answers]


ONE: State = {"ready": ["z"], "stats": {"enqueued": 1}}

# name: before, messages, answers, what changed
ROWS: dict[str, tuple[State, list[Said], list[str], dict[str, Any]]] = {
    "one": ({}, [("a", 0, "", "")], [""], {"ready": ["a"], "bell": True, "stats": {"enqueued": 1}}),
    "behind what waits": (
        ONE,
        [("a", 0, "", ""), ("b", 0, "", "")],
        ["", ""],
        {"ready": ["z", "a", "b"], "bell": True, "stats": {"enqueued": 3}},
    ),
    "each priority in its list": (
        {},
        [("a p3", 0, "", ""), ("b", 0, "", ""), ("c p1", 0, "", ""), ("d p2", 0, "", "")],
        [""] * 4,
        {"ready": ["b", "c p1", "d p2", "a p3"], "bell": True, "stats": {"enqueued": 4}},
    ),
    "a delayed one waits and rings, so that an idle worker learns of it": (
        {},
        [("a p2", FAR_MS, "", "")],
        [""],
        {"due": {"a p2": "later"}, "bell": True, "stats": {"enqueued": 1}},
    ),
    "a new key": ({}, [("a", 0, "k", "f")], [""], {"ready": ["a"], "bell": True, "stats": {"enqueued": 1}}),
    "the same key twice in one call": (
        {},
        [("a", 0, "k", "f"), ("b", 0, "k", "f"), ("c", 0, "k", "g")],
        ["", "=a", "!a"],
        {"ready": ["a"], "bell": True, "stats": {"enqueued": 1}},
    ),
    "keys beside plain ones": (
        {},
        [("a", 0, "", ""), ("b", 0, "k", "f"), ("c", 0, "", ""), ("d", 0, "j", "f")],
        ["", "", "", ""],
        {"ready": ["a", "b", "c", "d"], "bell": True, "stats": {"enqueued": 4}},
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows(room: Room, name: str) -> None:
    before, messages, answers, changed = ROWS[name]
    room.put(before)
    assert send(room, *messages) == answers
    assert room.look() == then(before, **changed)


@pytest.mark.parametrize(("fingerprint", "answer"), [("f", "=a"), ("g", "!a")])
def test_a_key_used_before(room: Room, fingerprint: str, answer: str) -> None:
    send(room, ("a", 0, "k", "f"))
    room.redis.delete(room.keys.bell)
    before = room.look()
    assert send(room, ("b", 0, "k", fingerprint), seq=2) == [answer]
    assert send(room, ("b", FAR_MS, "k", fingerprint), lane="other") == [answer]
    assert room.look() == before


def test_a_key_is_remembered_for_its_time(room: Room) -> None:
    send(room, ("a", 0, "k", "f"))
    assert DAY_MS - 60_000 < room.redis.pttl(room.keys.uniq("k")) <= DAY_MS
    assert 540_000 < room.redis.pttl(room.keys.lane("l")) <= 600_000


def test_a_key_that_holds_something_else_is_taken_over(room: Room) -> None:
    room.redis.set(room.keys.uniq("k"), "nonsense", px=DAY_MS)
    assert send(room, ("a", 0, "k", "f")) == [""]
    assert send(room, ("b", 0, "k", "f"), seq=2) == ["=a"]


@pytest.mark.parametrize("count", [1, 2, 255, 256])
def test_a_repeated_call_gets_its_answers_and_stores_nothing(room: Room, count: int) -> None:
    messages: list[Said] = [(f"m{n:03}", 0, "", "") for n in range(count - 1)]
    messages.append(("last", 0, "k", "f"))
    send(room, ("first", 0, "k", "f"), lane="other")
    answers = send(room, *messages)
    assert answers == [""] * (count - 1) + ["=first"]
    room.redis.delete(room.keys.bell)
    before = room.look()
    assert send(room, *messages) == answers
    assert room.look() == before


def test_an_older_call_is_refused(room: Room) -> None:
    send(room, ("a", 0, "", ""), seq=2)
    before = room.dump()
    with pytest.raises(StoreError, match="a later call of this sender came first"):
        send(room, ("b", 0, "", ""), seq=1)
    assert room.dump() == before


def test_lanes_are_apart_and_numbers_are_exact(room: Room) -> None:
    big = 2**52 + 1
    send(room, ("a", 0, "", ""), seq=big)
    send(room, ("b", 0, "", ""), seq=big, lane="other")
    send(room, ("c", 0, "", ""), seq=big)  # a repeat
    send(room, ("d", 0, "", ""), seq=big + 1)
    assert room.look()["ready"] == ["a", "b", "d"]


def test_a_delay_counts_from_the_time_of_the_store(room: Room) -> None:
    before = room.now_ms()
    send(room, ("a", 90_000, "", ""))
    assert before + 90_000 <= room.redis.zscore(room.keys.due, "a") <= room.now_ms() + 90_000
