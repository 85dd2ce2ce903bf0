"""Is a call that was begun executed while its sender does something else, and its answer never another's?"""

from __future__ import annotations

from onebeat.wire import Call, Command, Store, insist
from onebeat.wire.scripts import Script, parse
from tests.servers import Server
from tests.wire.test_drivers import echo
from tests.worker.running import until

WITHIN_S = 60.0


def adding(text: str = "") -> Script:
    head = f"-- adding: counts{text}.\n-- KEYS total STRING count\n-- MOVES none\n-- RETURNS the count\n"
    return parse("t", "adding", head + "return redis.call('INCR', KEYS[1])")


def add(store: Store, script: Script | None = None) -> Call:
    return Call(script or adding(), (f"ob:{{{store.namespace}:ahead}}:total",), ())


def count(store: Store) -> int:
    with Store.open(store.url or "") as other:
        found: int = other.perform(Command(("GET", add(store).keys[0]))) or 0
    return int(found)


def tidy(store: Store) -> None:
    store.perform(Command(("DEL", add(store).keys[0])))


def test_the_store_works_before_the_answer_is_read(store: Store) -> None:
    store.run(insist(add(store), within_s=WITHIN_S))  # it knows the script now
    under_way = store.begin(insist(add(store), within_s=WITHIN_S))
    until(lambda: count(store) == 2, "it is executed")
    assert store.perform(echo("another call meanwhile")) == b"another call meanwhile"
    assert under_way.end() == 2
    assert count(store) == 2
    tidy(store)


def test_a_script_that_the_store_does_not_know(store: Store) -> None:
    assert store.begin(insist(add(store, adding(" anew")), within_s=WITHIN_S)).end() == 1
    tidy(store)


def test_an_answer_that_nobody_reads_goes_to_nobody(store: Store) -> None:
    store.run(insist(add(store), within_s=WITHIN_S))
    for _ in range(3):
        store.begin(insist(add(store), within_s=WITHIN_S)).drop()
        assert store.perform(echo("mine")) == b"mine"
    assert len(store._usual._all) == 1
    tidy(store)


def test_a_lost_answer_is_asked_for_again(own_server: Server) -> None:
    with Store.open(own_server.url) as store:
        store.run(insist(add(store), within_s=WITHIN_S))
        under_way = store.begin(insist(add(store), within_s=WITHIN_S))
        until(lambda: count(store) == 2, "it is executed")
        assert under_way._sent is not None
        under_way._sent._line.close()
        assert under_way.end() == 3, "sent again, so scripts must be idempotent"


def test_a_call_that_cannot_be_sent_is_made_when_it_is_asked_for(own_server: Server) -> None:
    with Store.open(own_server.url) as store:
        own_server.stop()
        under_way = store.begin(insist(add(store), within_s=WITHIN_S))
        own_server.start()
        assert under_way.end() == 1


def test_a_store_over_a_given_client_calls_at_the_end(store: Store) -> None:
    given = Store(store.client, store.namespace)
    under_way = given.begin(insist(add(store), within_s=WITHIN_S))
    assert count(store) == 0
    assert under_way.end() == 1
    tidy(store)
