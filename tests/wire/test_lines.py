"""Is a connection that is used again always a sound one, and never another's?"""

from __future__ import annotations

import os
import signal
import threading

import pytest

from onebeat.errors import StoreError
from onebeat.wire import Call, Command, Store
from onebeat.wire.scripts import parse
from tests.forked import forked
from tests.servers import Server
from tests.wire.test_drivers import echo

BROKEN = parse("t", "broken", "-- broken: fail.\n-- MOVES none\n-- RETURNS nothing\nreturn redis.call('NO')")


def lines_of(store: Store) -> list[object]:
    return store._usual._all


def test_calls_one_after_the_other_share_a_connection(store: Store) -> None:
    for number in range(20):
        assert store.perform(echo(str(number))) == str(number).encode()
    assert len(lines_of(store)) == 1


def test_an_answer_has_the_form_that_the_client_gives_it(store: Store) -> None:
    key = f"ob:{{{store.namespace}:x}}"
    for words in (("HSET", key, "a", "b"), ("HGETALL", key), ("SCAN", 0), ("PING",), ("DEL", key)):
        if words[0] in ("HSET", "DEL"):
            store.perform(Command(words))
        else:
            assert store.perform(Command(words)) == store.client.execute_command(*words)


def test_a_refusal_is_an_answer_and_the_connection_stays(store: Store) -> None:
    with pytest.raises(StoreError):
        store.perform(Call(BROKEN, (), ()))
    assert store.perform(echo("next")) == b"next"
    assert len(lines_of(store)) == 1


def test_a_connection_that_was_closed_while_it_was_idle_costs_no_error(own_server: Server) -> None:
    with Store.open(own_server.url) as store, own_server.redis() as operator:
        for _ in range(3):
            assert store.perform(echo("x")) == b"x"
            operator.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        own_server.stop()
        own_server.start()
        assert store.perform(echo("y")) == b"y"
        assert len(lines_of(store)) == 1


def test_who_is_interrupted_leaves_no_answer_to_the_next(own_server: Server) -> None:
    """The interrupted call's answer must not become the next call's."""

    class Interrupt(BaseException):
        pass

    def interrupt(_signal: int, _frame: object) -> None:
        raise Interrupt

    with Store.open(own_server.url, deadline_s=60.0) as store:
        store.perform(echo("x"))
        before = signal.signal(signal.SIGUSR1, interrupt)
        try:
            timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
            timer.start()
            with pytest.raises(Interrupt):
                store.perform(Command(("BLPOP", "ob:{t}:nothing", 0), block_s=0.0))
        finally:
            signal.signal(signal.SIGUSR1, before)
        with own_server.redis() as operator:
            operator.rpush("ob:{t}:nothing", "late")
        assert store.perform(echo("mine")) == b"mine"


def test_a_forked_child_opens_its_own(store: Store) -> None:
    store.perform(echo("x"))
    parents = [*lines_of(store)]  # kept, so that no new one has the place of an old one

    def child() -> str:
        answer = store.perform(echo("child"))
        return f"{answer!r}, {any(one is other for one in parents for other in lines_of(store))}"

    assert forked(child) == "b'child', False"
    assert store.perform(echo("parent")) == b"parent"
