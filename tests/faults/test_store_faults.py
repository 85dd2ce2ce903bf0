"""One worker lives through everything that a store does: what was acknowledged runs, once."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from onebeat.testing import Ending, FaultProxy, Way
from tests.servers import Server
from tests.worker.running import Workshop, until

NAMESPACE = "stormy"


class Sea:
    """A store of its own, a proxy, and one worker behind it that is never restarted by us."""

    def __init__(self, folder: Path) -> None:
        self.server = Server("--appendfsync", "always", "--lua-time-limit", "50").start()
        self.proxy = FaultProxy(self.server.url).start()
        self.shop = Workshop(folder, self.server.url, NAMESPACE)
        self.shop.url = self.proxy.url  # the worker's way; our own client goes straight there
        self.worker = self.shop.worker(concurrency=2)
        self.admin = self.server.redis(deadline_s=30)

    def close(self) -> None:
        self.admin.close()
        self.shop.close()
        self.proxy.close()
        self.server.remove()


@pytest.fixture(scope="module")
def sea(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sea]:
    made = Sea(tmp_path_factory.mktemp("sea"))
    try:
        yield made
    finally:
        made.close()


def kill_clients(sea: Sea) -> None:
    for _ in range(20):
        sea.admin.client_kill_filter(_type="normal", skipme=True)


def forget_scripts(sea: Sea) -> None:
    for _ in range(5):
        sea.admin.script_flush()


def sleep_for_longer_than_a_deadline(sea: Sea) -> None:
    sea.admin.execute_command("DEBUG", "SLEEP", "2.5")


def be_busy(sea: Sea) -> None:
    """A script of somebody else that does not end; an operator kills it."""
    with sea.server.redis(deadline_s=30) as other:
        stuck = threading.Thread(target=_never_ending, args=(other,))
        stuck.start()
        until(lambda: _is_busy(sea), "the store is busy")
        threading.Event().wait(0.7)  # everybody meets it
        until(lambda: _script_killed(sea), "the script is killed")
        stuck.join(90)


def _never_ending(other: redis.Redis) -> None:
    with contextlib.suppress(redis.RedisError):
        other.eval("while true do end", 0)


def _is_busy(sea: Sea) -> bool:
    try:
        sea.admin.get("x")
    except redis.ResponseError as problem:
        return "BUSY" in str(problem)
    return False


def _script_killed(sea: Sea) -> bool:
    with contextlib.suppress(redis.ResponseError):
        sea.admin.script_kill()
    return not _is_busy(sea)


def be_full(sea: Sea) -> None:
    sea.admin.config_set("maxmemory", "1")
    threading.Event().wait(1)
    sea.admin.config_set("maxmemory", "0")


def be_demoted(sea: Sea) -> None:
    sea.admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    threading.Event().wait(1)
    sea.admin.execute_command("REPLICAOF", "NO", "ONE")


def restart(sea: Sea) -> None:
    sea.server.kill()
    threading.Event().wait(0.5)
    sea.server.start()


def restart_in_order(sea: Sea) -> None:
    sea.server.stop()
    sea.server.start()


def lose_replies(sea: Sea) -> None:
    sea.proxy.lose_replies(lambda call: call % 3 == 0)
    lost = sea.proxy.lost
    until(lambda: sea.proxy.lost > lost + 3, "replies are lost")
    sea.proxy.heal()


def be_a_black_hole(sea: Sea) -> None:
    sea.proxy.black_hole()
    threading.Event().wait(2.5)
    sea.proxy.heal()
    sea.proxy.end()


def stall_replies(sea: Sea) -> None:
    """Longer than a call waits: the answer comes when nobody listens any more."""
    sea.proxy.stall(Way.REPLIES)
    threading.Event().wait(2.5)
    sea.proxy.heal()


def half_open(sea: Sea) -> None:
    sea.proxy.end(Ending.HALF_OPEN)


def arrive_in_single_bytes(sea: Sea) -> None:
    sea.proxy.slice(1)
    sea.proxy.delay(0.002)
    threading.Event().wait(1)
    sea.proxy.heal()


FAULTS: tuple[Callable[[Sea], None], ...] = (
    kill_clients,
    forget_scripts,
    sleep_for_longer_than_a_deadline,
    be_busy,
    be_full,
    be_demoted,
    restart,
    restart_in_order,
    lose_replies,
    be_a_black_hole,
    stall_replies,
    half_open,
    arrive_in_single_bytes,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_was_acknowledged_runs_once(fault: Callable[[Sea], None], sea: Sea) -> None:
    name = fault.__name__
    before = [f"{name} {n}" for n in range(5)]
    for word in before:
        sea.shop.enqueue("write_slowly", word, 0.1)
    fault(sea)
    after = [f"{name} {n}" for n in range(5, 10)]
    for word in after:
        sea.shop.enqueue("write", word)
    wanted = {*before, *after}
    until(lambda: wanted <= set(sea.shop.words()), "everything has run")
    assert max(Counter(sea.shop.words()).values()) == 1
    assert sea.worker.poll() is None, sea.shop.log()


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[Callable[..., tuple[Server, Workshop]]]:
    """A server with options of its own, and what a worker needs."""
    with contextlib.ExitStack() as stack:

        def make(*options: str) -> tuple[Server, Workshop]:
            own = Server(*options)
            stack.callback(own.remove)
            shop = Workshop(tmp_path, own.start().url, NAMESPACE)
            stack.callback(shop.close)
            return own, shop

        yield make


OpenShop = Callable[..., tuple[Server, Workshop]]


def test_a_restart_with_a_snapshot_only_runs_again_what_the_snapshot_holds(own_shop: OpenShop) -> None:
    """What ended after the snapshot is delivered again, and has its effect once."""
    server, shop = own_shop("--appendonly", "no")
    words = [f"word {n}" for n in range(5)]
    for word in words:
        shop.enqueue("write", word)
    with server.redis() as admin:
        admin.save()
    worker = shop.worker()
    until(lambda: sorted(shop.words()) == words, "they have run")
    server.kill()
    server.start()
    until(lambda: shop.stats().get("finish") == len(words), "they are settled a second time")
    shop.enqueue("write", "next")
    until(lambda: "next" in shop.words(), "work goes on")
    assert sorted(shop.words()) == sorted([*words, "next"]), "the second delivery changed nothing"
    assert worker.poll() is None


def test_a_restart_with_nothing_goes_on_with_what_comes_then(own_shop: OpenShop) -> None:
    server, shop = own_shop("--appendonly", "no")
    worker = shop.worker()
    shop.enqueue("write", "before")
    until(lambda: shop.words() == ["before"], "it works")
    server.kill()
    server.start()
    shop.enqueue("write", "after")
    until(lambda: shop.words() == ["before", "after"], "it works again")
    assert worker.poll() is None


def test_a_torn_aof_loses_its_last_write_at_most(own_shop: OpenShop) -> None:
    """As after a power cut in the middle of a write."""
    server, shop = own_shop("--appendfsync", "always")
    words = [f"word {n}" for n in range(5)]
    for word in words:
        shop.enqueue("write", word)
    server.kill()
    log = max(server.home.glob("appendonlydir/*.incr.aof"), key=lambda path: path.stat().st_size)
    log.write_bytes(log.read_bytes()[:-7])
    server.start()
    shop.worker()
    until(lambda: sorted(shop.words())[:4] == words[:4], "all but the last are there")
    shop.enqueue("write", "next")
    until(lambda: "next" in shop.words(), "work goes on")
    assert max(Counter(shop.words()).values()) == 1
