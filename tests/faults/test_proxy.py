"""Does the fault proxy do what its faults are called, and does a client survive each of them?"""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from onebeat.errors import ConfigError, Remedy, StoreError
from onebeat.testing import Ending, FaultProxy, Way
from onebeat.testing.resp import Values, words
from onebeat.wire import Command, Store
from tests.servers import Server
from tests.worker.running import until

DEADLINE_S = 0.4  # only of stores that are to wait in vain: a busy machine takes longer than this for a call
PING = Command(("PING",))
OpenProxy = Callable[..., FaultProxy]


@pytest.fixture(params=["unix", "tcp"])
def proxy(fault_proxy: OpenProxy, server: Server, request: pytest.FixtureRequest) -> FaultProxy:
    return fault_proxy(server.url, tcp=request.param == "tcp")


def opened(proxy: FaultProxy, namespace: str = "tests") -> Store:
    return Store.open(proxy.url, namespace)


def hasty(proxy: FaultProxy, namespace: str = "tests") -> Store:
    """A store that soon gives up waiting; what should be answered is asked with `works`."""
    return Store.open(proxy.url, namespace, deadline_s=DEADLINE_S)


def works(store: Store, proxy: FaultProxy) -> None:
    """Return when it was answered, on the only connection that is left."""

    def answered() -> bool:
        with suppress(StoreError):
            store.perform(PING)
            return True
        return False

    until(answered, "an answer")
    until(lambda: proxy.connections == 1, "connections that were given up to end")


def fails(store: Store) -> float:
    """Seconds until a call failed in a way that asks for another try."""
    started_s = time.monotonic()
    with pytest.raises(StoreError) as told:
        store.perform(PING)
    assert told.value.remedy is not Remedy.FATAL
    return time.monotonic() - started_s


def test_it_forwards(proxy: FaultProxy, namespace: str) -> None:
    big = b"\x00\r\n$-1*" * 100_000
    with opened(proxy, namespace) as store:
        key = f"ob:{{{namespace}}}:cluster"
        store.perform(Command(("HSET", key, "big", big)))
        assert store.perform(Command(("HGET", key, "big"))) == big
        store.perform(Command(("DEL", key)))
    assert proxy.calls == 3
    assert proxy.lost == 0


def test_slices(proxy: FaultProxy) -> None:
    proxy.slice(1)
    with opened(proxy) as store:
        assert store.perform(Command(("ECHO", "x" * 200))) == b"x" * 200


def test_delay(proxy: FaultProxy) -> None:
    with opened(proxy) as store:
        store.perform(PING)
        proxy.delay(0.05)
        started_s = time.monotonic()
        store.perform(PING)
        assert time.monotonic() - started_s >= 0.1


@pytest.mark.parametrize("ending", Ending)
def test_an_idle_connection_that_ended_costs_at_most_one_call(proxy: FaultProxy, ending: Ending) -> None:
    if ending is Ending.HALF_OPEN:
        with hasty(proxy) as store:
            works(store, proxy)
            assert proxy.end(ending) == 1
            assert fails(store) >= DEADLINE_S / 2
            works(store, proxy)
        return
    with opened(proxy) as store:
        store.perform(PING)
        assert proxy.end(ending) == 1
        with suppress(StoreError):  # where the end was not seen before the call was sent
            store.perform(PING)
        store.perform(PING)


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.RESET])
def test_a_connection_that_ends_in_a_call_is_told_at_once(proxy: FaultProxy, ending: Ending) -> None:
    with opened(proxy) as store, ThreadPoolExecutor() as beside:
        asked = beside.submit(store.perform, Command(("BLPOP", "ob:{tests}:nothing", 60), block_s=60))
        until(lambda: proxy.calls, "it waits")
        proxy.end(ending)
        with pytest.raises(StoreError) as told:
            asked.result(90)
        assert told.value.remedy is not Remedy.FATAL
        store.perform(PING)


def test_a_reset_is_one(fault_proxy: OpenProxy, server: Server) -> None:
    proxy = fault_proxy(server.url, tcp=True)
    parts = urlsplit(proxy.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as raw:
        raw.sendall(b"PING\r\n")
        assert raw.recv(64) == b"+PONG\r\n"
        proxy.end(Ending.RESET)
        with pytest.raises(ConnectionResetError):
            raw.recv(64)


@pytest.mark.parametrize("way", Way)
def test_a_stall_holds_back_and_lets_go(proxy: FaultProxy, way: Way, server: Server, namespace: str) -> None:
    key = f"ob:{{{namespace}}}:queues"
    with hasty(proxy, namespace) as store, Store.open(server.url, namespace) as beside:
        works(store, proxy)
        proxy.stall(way)
        with pytest.raises(StoreError):
            store.perform(Command(("SADD", key, "a")))
        if way is Way.CALLS:
            assert not beside.perform(Command(("SISMEMBER", key, "a")))
            proxy.heal()  # what was held back arrives, long after its sender gave up
        until(lambda: beside.perform(Command(("SISMEMBER", key, "a"))), "it arrives")
        proxy.heal()
        works(store, proxy)


def test_a_black_hole_takes_everything(proxy: FaultProxy) -> None:
    with hasty(proxy) as store:
        works(store, proxy)
        proxy.black_hole()
        assert fails(store) >= DEADLINE_S / 2
        proxy.heal()
        proxy.end()
        works(store, proxy)


def test_a_closed_door(proxy: FaultProxy) -> None:
    proxy.refuse()
    with opened(proxy) as store:
        fails(store)
        proxy.heal()
        store.perform(PING)


def test_a_lost_reply_is_one_whose_call_was_carried_out(
    proxy: FaultProxy, server: Server, namespace: str
) -> None:
    key = f"ob:{{{namespace}}}:cluster"
    with opened(proxy) as store, Store.open(server.url, namespace) as beside:
        proxy.lose_replies(lambda call: call == 2)
        assert store.perform(Command(("HINCRBY", key, "n", 1))) == 1
        with pytest.raises(StoreError):
            store.perform(Command(("HINCRBY", key, "n", 1)))
        assert store.perform(Command(("HINCRBY", key, "n", 1))) == 3
        assert (proxy.calls, proxy.lost) == (3, 1)
        beside.perform(Command(("DEL", key)))


def test_a_store_that_is_away_is_a_closed_door(fault_proxy: OpenProxy, own_server: Server) -> None:
    proxy = fault_proxy(own_server.url)
    own_server.kill()
    with opened(proxy) as store:
        fails(store)
        own_server.start()
        store.perform(PING)


def test_it_leaves_nothing_behind(server: Server) -> None:
    before = {*threading.enumerate()}
    with FaultProxy(server.url) as proxy, opened(proxy) as store:
        store.perform(PING)
        proxy.stall(Way.REPLIES)
    assert {*threading.enumerate()} <= before
    proxy.close()
    with pytest.raises(StoreError):
        Store.open(proxy.url, "tests").perform(PING)


def test_clients_that_come_while_it_closes_are_ended(server: Server) -> None:
    for clients in range(1, 8):
        proxy, ends = FaultProxy(server.url).start(), []
        for _ in range(clients):
            ends.append(socket.socket(socket.AF_UNIX))
            ends[-1].connect(urlsplit(proxy.url).path)
        proxy.close()
        for end in ends:
            end.settimeout(10.0)
            with suppress(ConnectionResetError):
                assert end.recv(1) == b""
            end.close()
    gc.collect()  # what was left open is a warning now, and so an error


def test_tls_is_refused() -> None:
    with pytest.raises(ConfigError, match="rediss"):
        FaultProxy("rediss://localhost")


VALUES = [
    b"+OK\r\n",
    b":1\r\n",
    b"$-1\r\n",
    b"$0\r\n\r\n",
    b"$4\r\n\r\n*1\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*2\r\n$1\r\na\r\n*1\r\n:2\r\n",
    b"%1\r\n+a\r\n*1\r\n$1\r\nb\r\n",
    b"=5\r\ntxt:a\r\n",
    b"_\r\n",
    b",1.5\r\n",
    b"#t\r\n",
    b"~2\r\n:1\r\n:2\r\n",
    b">2\r\n+invalidate\r\n*0\r\n",
    b"|1\r\n+ttl\r\n:3\r\n$1\r\nx\r\n",
    b"!5\r\nERR x\r\n",
    b"(12345678901234567890\r\n",
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_values_are_cut_where_they_end(size: int) -> None:
    stream, values = b"".join(VALUES), Values()
    found = [v for start in range(0, len(stream), size) for v in values.feed(stream[start : start + size])]
    assert found == VALUES


@pytest.mark.parametrize(
    ("call", "spoken"),
    [
        (b"*2\r\n$4\r\nECHO\r\n$3\r\n\r\nx\r\n", [b"ECHO", b"\r\nx"]),
        (b"*1\r\n$4\r\nPING\r\n", [b"PING"]),
        (b"PING\r\n", []),
        (b"*0\r\n", []),
    ],
)
def test_words(call: bytes, spoken: list[bytes]) -> None:
    assert words(call) == spoken
