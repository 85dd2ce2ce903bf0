"""Does every call end at the right server, whatever servers and Sentinels say? No socket is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis import exceptions as kinds

from onebeat.wire.cluster import HOPS_MAX, ClusterGuide
from onebeat.wire.drive import drive
from onebeat.wire.guides import At, Guide
from onebeat.wire.sentinel import TRUST_S, SentinelGuide
from onebeat.wire.slots import slot_of
from onebeat.wire.urls import Node, parse
from tests.clocks import ToldClock

A, B, C = (Node("10.0.0.1", port) for port in (1, 2, 3))
CALL = ("GET", "{t}k")
SLOT = slot_of("{t}k")


class Net:
    """What each server does with what it is sent; `sent` is everything, in order."""

    def __init__(self, guide: Guide, answer: Callable[[At], Any]) -> None:
        self.guide, self.answer = guide, answer
        self.sent: list[At] = []

    def call(self, *words: Any) -> Any:
        return drive(self.guide.route(words or CALL), self._perform, (kinds.RedisError, OSError))

    def _perform(self, at: At) -> Any:
        self.sent.append(at)
        answer = self.answer(at)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def asked(self) -> list[tuple[Node, str]]:
        """Who was sent which command since the last look."""
        told = [(at.node, str(at.words[0])) for at in self.sent]
        self.sent.clear()
        return told


# -- a Cluster -------------------------------------------------------------------------------------


class Map:
    """A Cluster as its nodes describe it. `owner` serves every slot; `down` do not answer."""

    def __init__(self) -> None:
        self.owner, self.known = A, [A, B, C]
        self.down: set[Node] = set()
        self.replies: dict[Node, list[Any]] = {}
        self.net = Net(ClusterGuide(parse("redis+cluster://10.0.0.1:1,10.0.0.1:2,10.0.0.1:3")), self._answer)

    def _answer(self, at: At) -> Any:
        if at.node in self.down:
            return kinds.ConnectionError("refused")
        if at.words[0] == "CLUSTER":
            others = [[b"10.0.0.1", node.port, b"id"] for node in self.known if node != self.owner]
            return [[0, 16383, [b"", self.owner.port, b"id"], *others]]
        if self.replies.get(at.node):
            return self.replies[at.node].pop(0)
        return (
            b"here" if at.node == self.owner or at.asking else kinds.MovedError(f"{SLOT} :{self.owner.port}")
        )


def test_the_map_is_read_once() -> None:
    nodes = Map()
    assert [nodes.net.call(), nodes.net.call()] == [b"here", b"here"]
    assert nodes.net.asked() == [(A, "CLUSTER"), (A, "GET"), (A, "GET")]


def test_a_slot_that_moved_is_followed_and_the_map_is_read_again() -> None:
    nodes = Map()
    nodes.net.call()
    nodes.net.asked()
    nodes.owner = B
    assert [nodes.net.call(), nodes.net.call()] == [b"here", b"here"]
    assert nodes.net.asked() == [(A, "GET"), (B, "CLUSTER"), (B, "GET"), (B, "GET")]


def test_a_slot_that_moves_is_asked_for_there_this_time_only() -> None:
    nodes = Map()
    nodes.replies[A] = [kinds.AskError(f"{SLOT} 10.0.0.1:3")]
    assert [nodes.net.call(), nodes.net.call()] == [b"here", b"here"]
    assert [(at.node, at.asking) for at in nodes.net.sent if at.words[0] == "GET"] == [
        (A, False),
        (C, True),
        (A, False),
    ]


def test_a_call_is_not_chased_for_ever() -> None:
    nodes = Map()
    nodes.replies[A] = [kinds.AskError(f"{SLOT} 10.0.0.1:1") for _ in range(99)]
    with pytest.raises(kinds.AskError):
        nodes.net.call()
    assert nodes.net.asked().count((A, "GET")) == HOPS_MAX


@pytest.mark.parametrize(
    "problem", [kinds.ConnectionError("gone"), kinds.TimeoutError("silent"), OSError("reset")], ids=repr
)
def test_a_call_that_may_have_run_is_not_repeated_but_the_next_one_looks_elsewhere(
    problem: Exception,
) -> None:
    nodes = Map()
    nodes.replies[A] = [problem]
    with pytest.raises(type(problem)):
        nodes.net.call()
    assert nodes.net.asked() == [(A, "CLUSTER"), (A, "GET")]
    nodes.owner, nodes.down = B, {A}
    assert nodes.net.call() == b"here"
    assert nodes.net.asked() == [(B, "CLUSTER"), (B, "GET")]


def test_who_did_not_answer_is_asked_last_and_at_last() -> None:
    nodes = Map()
    nodes.replies[A] = [kinds.ConnectionError("gone")]
    with pytest.raises(kinds.ConnectionError):
        nodes.net.call()
    nodes.down = {B, C}
    nodes.net.asked()
    assert nodes.net.call() == b"here"
    assert nodes.net.asked() == [(B, "CLUSTER"), (C, "CLUSTER"), (A, "CLUSTER"), (A, "GET")]


def test_a_slot_that_nobody_serves_is_down_and_looked_for_again() -> None:
    nodes = Map()
    hole = Net(
        ClusterGuide(parse("redis+cluster://10.0.0.1:1")), lambda at: [[SLOT + 1, 16383, [b"", 1, b""]]]
    )
    for _ in range(2):
        with pytest.raises(kinds.ClusterDownError):
            hole.call()
    assert hole.asked() == [(A, "CLUSTER"), (A, "CLUSTER")]
    assert nodes.net.call("PING") == b"here"


def test_keys_of_several_slots_are_refused_without_asking() -> None:
    nodes = Map()
    with pytest.raises(kinds.ClusterCrossSlotError):
        nodes.net.call("DEL", "a", "b")
    assert nodes.net.sent == []


def test_a_scan_goes_through_every_master() -> None:
    pages = {A: {0: (7, [b"a"]), 7: (0, [b"b"])}, B: {0: (0, [])}, C: {0: (9, [b"c"]), 9: (0, [b"d"])}}
    thirds = [[0, 1, [b"", 1]], [2, 3, [b"10.0.0.1", 2]], [4, 16383, [b"10.0.0.1", 3]]]

    def answer(at: At) -> Any:
        return thirds if at.words[0] == "CLUSTER" else [*pages[at.node][at.words[1]]]

    net = Net(ClusterGuide(parse("redis+cluster://10.0.0.1:1")), answer)
    found: list[bytes] = []
    cursor = 0
    while True:
        cursor, keys = net.call("SCAN", cursor, "COUNT", 5)
        found += keys
        if cursor == 0:
            break
    assert found == [b"a", b"b", b"c", b"d"]


# -- Sentinels -------------------------------------------------------------------------------------


class Watch:
    """Sentinels S1 and S2 and what they name; `roles` are what the servers say of themselves."""

    def __init__(self) -> None:
        self.clock = ToldClock()
        self.s1, self.s2 = Node("s1", 26379), Node("s2", 26379)
        self.named: dict[Node, Node | Exception | None] = {self.s1: A, self.s2: A}
        self.roles: dict[Node, bytes | Exception] = {A: b"master", B: b"slave"}
        self.reply: Any = b"here"
        guide = SentinelGuide(parse("redis+sentinel://s1,s2/m"), self.clock)
        self.net = Net(guide, self._answer)

    def _answer(self, at: At) -> Any:
        assert at.sentinel == (at.words[0] == "SENTINEL")
        if at.sentinel:
            told = self.named[at.node]
            return [told.host.encode(), str(told.port).encode()] if isinstance(told, Node) else told
        if at.words[0] == "ROLE":
            role = self.roles[at.node]
            return role if isinstance(role, Exception) else [role, 0, []]
        return self.reply

    def fail_over(self) -> None:
        self.named = dict.fromkeys(self.named, B)
        self.roles = {A: b"slave", B: b"master"}


def test_the_master_is_asked_for_once_in_a_while() -> None:
    watch = Watch()
    for _ in range(3):
        assert watch.net.call() == b"here"
    assert watch.net.asked() == [(watch.s1, "SENTINEL"), (A, "ROLE"), *[(A, "GET")] * 3]
    watch.fail_over()
    watch.clock.advance(TRUST_S)
    watch.net.call()
    assert watch.net.asked() == [(watch.s1, "SENTINEL"), (B, "ROLE"), (B, "GET")]


@pytest.mark.parametrize(
    "problem",
    [
        kinds.ConnectionError("gone"),
        kinds.ReadOnlyError("You can't write against a read only replica."),
        kinds.ResponseError("Error running script (call to f_0): @user_script:1: -READONLY You can't write"),
        kinds.BusyLoadingError("Redis is loading"),
    ],
    ids=repr,
)
def test_after_trouble_the_next_call_looks_again(problem: Exception) -> None:
    watch = Watch()
    watch.reply = problem
    with pytest.raises(type(problem)):
        watch.net.call()
    watch.fail_over()
    watch.reply = b"here"
    watch.net.asked()
    assert watch.net.call() == b"here"
    assert watch.net.asked() == [(watch.s1, "SENTINEL"), (B, "ROLE"), (B, "GET")]


def test_an_answer_that_is_final_is_no_reason_to_look_again() -> None:
    watch = Watch()
    watch.reply = kinds.ResponseError("WRONGTYPE Operation against a key")
    for _ in range(2):
        with pytest.raises(kinds.ResponseError):
            watch.net.call()
    assert watch.net.asked()[2:] == [(A, "GET"), (A, "GET")]


def test_a_sentinel_that_is_behind_is_passed_over_and_remembered_as_second() -> None:
    watch = Watch()
    watch.fail_over()
    watch.named[watch.s1] = A
    watch.net.call()
    assert watch.net.asked() == [
        (watch.s1, "SENTINEL"),
        (A, "ROLE"),
        (watch.s2, "SENTINEL"),
        (B, "ROLE"),
        (B, "GET"),
    ]
    watch.clock.advance(TRUST_S)
    watch.net.call()
    assert watch.net.asked()[0] == (watch.s2, "SENTINEL")


def test_a_demoted_server_is_never_sent_a_call() -> None:
    watch = Watch()
    watch.roles = {A: b"slave"}
    with pytest.raises(kinds.ConnectionError, match="no master any more"):
        watch.net.call()
    assert "GET" not in {word for _, word in watch.net.asked()}


@pytest.mark.parametrize("silent", [kinds.ConnectionError("gone"), None])
def test_without_sentinels_the_known_master_serves_on(silent: Exception | None) -> None:
    watch = Watch()
    watch.net.call()
    watch.named = dict.fromkeys(watch.named, silent)
    watch.clock.advance(TRUST_S)
    assert watch.net.call() == b"here"
    watch.net.asked()
    assert watch.net.call() == b"here"
    assert watch.net.asked() == [(A, "GET")], "they are not asked for every call"


def test_without_sentinels_nobody_is_found_in_the_beginning() -> None:
    watch = Watch()
    watch.named = dict.fromkeys(watch.named, None)
    with pytest.raises(kinds.ConnectionError, match="knows no master 'm'"):
        watch.net.call()
