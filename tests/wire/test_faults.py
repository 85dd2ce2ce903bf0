"""Does every call end, run once, and answer only who asked, when servers and callers misbehave?"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from onebeat.errors import Remedy, StoreError
from onebeat.wire import AsyncStore, Command, Pause, Protocol, Store
from onebeat.wire.store import BLOCK_MARGIN_S, patient_deadline_s
from tests.servers import Server
from tests.wire.conftest import Driver, OpenDriver
from tests.wire.fake_server import HANG_UP, Answer, FakeServer
from tests.wire.test_drivers import WIDE_S, echo
from tests.worker.running import until

# -- time: every call ends -------------------------------------------------------------------------


def test_a_server_that_never_answers_costs_the_deadline_and_no_more(
    folder: Path, open_driver: OpenDriver
) -> None:
    with socket.socket(socket.AF_UNIX) as black_hole:
        black_hole.bind(str(folder / "hole"))
        black_hole.listen()
        driver = open_driver(f"unix://{folder}/hole", deadline_s=0.2)
        began = time.monotonic()
        with pytest.raises(StoreError) as raised:
            driver.perform(echo("x"))
        assert raised.value.remedy is Remedy.RETRY
        assert 0.1 < time.monotonic() - began < WIDE_S


def test_a_blocking_read_outlives_the_deadline_of_quick_calls(
    server: Server, namespace: str, open_driver: OpenDriver
) -> None:
    driver = open_driver(server.url, namespace, deadline_s=0.1)
    until(lambda: answers(driver), "a connection")
    # a client that shares the quick deadline raises here instead of answering "nothing came"
    assert driver.perform(Command(("BLPOP", "ob:{tests}:nothing", 0.4), block_s=0.4)) is None


def answers(driver: Driver) -> bool:
    """Whether a call was answered; a busy machine takes longer than a short deadline now and then."""
    with suppress(StoreError):
        driver.perform(Command(("PING",)))
        return True
    return False


def test_blocking_reads_of_many_lengths_share_few_clients(server: Server, namespace: str) -> None:
    with Store.open(server.url, namespace) as store:
        lengths = [0.1, 0.5, 0.9, 1.0, 1.1, 2.0, 3.0, 4.0]
        senders = {store._send_for(Command(("BLPOP",), block_s=block_s)) for block_s in lengths}
        assert store._send_for(Command(("PING",))) not in senders
        assert len(senders) == 3


@pytest.mark.parametrize(
    ("block_s", "deadline_s"),
    [
        (0.1, 1 + BLOCK_MARGIN_S),
        (1.0, 1 + BLOCK_MARGIN_S),
        (1.1, 2 + BLOCK_MARGIN_S),
        (30.0, 32 + BLOCK_MARGIN_S),
    ],
)
def test_the_deadline_of_a_blocking_read(block_s: float, deadline_s: float) -> None:
    assert patient_deadline_s(block_s) == deadline_s


# -- one call, one execution -----------------------------------------------------------------------


def test_a_lost_reply_is_told_and_never_retried_by_the_library(
    fake_server: Callable[[Answer], FakeServer], open_driver: OpenDriver
) -> None:
    fake = fake_server(lambda words: HANG_UP)
    driver = open_driver(fake.url, deadline_s=WIDE_S)
    with pytest.raises(StoreError) as raised:
        driver.perform(Command(("RPUSH", "list", "once")))
    assert raised.value.remedy is Remedy.RETRY
    assert fake.count(b"RPUSH") == 1


def test_a_lost_reply_to_a_script_is_not_taken_for_a_forgotten_script(
    fake_server: Callable[[Answer], FakeServer], open_driver: OpenDriver
) -> None:
    fake = fake_server(lambda words: HANG_UP)
    with pytest.raises(StoreError):
        open_driver(fake.url, deadline_s=WIDE_S).perform(echo("x"))
    assert (fake.count(b"EVALSHA"), fake.count(b"EVAL")) == (1, 0)


def test_the_next_call_after_a_lost_connection_works(
    fake_server: Callable[[Answer], FakeServer], open_driver: OpenDriver
) -> None:
    fake = fake_server(lambda words: HANG_UP if words[0] == b"RPUSH" else b"$4\r\nback\r\n")
    driver = open_driver(fake.url, deadline_s=WIDE_S)
    with pytest.raises(StoreError):
        driver.perform(Command(("RPUSH", "list", "x")))
    assert driver.perform(Command(("GET", "x"))) == b"back"


def test_a_killed_and_restarted_server_is_found_again_with_its_data(
    own_server: Server, open_driver: OpenDriver
) -> None:
    driver = open_driver(own_server.url)
    driver.perform(Command(("SET", "kept", "yes")))
    own_server.kill()
    with pytest.raises(StoreError) as raised:
        driver.perform(Command(("GET", "kept")))
    assert raised.value.remedy is Remedy.RETRY
    own_server.start()
    assert driver.perform(Command(("GET", "kept"))) == b"yes"


@pytest.mark.parametrize("kind", [Store, AsyncStore])
def test_the_library_is_told_not_to_retry(kind: type[Store | AsyncStore]) -> None:
    """Its default changed three times, from none to ten; a retried bare write is stored twice."""
    retry = kind.open("redis://host").client.connection_pool.connection_kwargs["retry"]
    assert retry._retries == 0


# -- a cancelled call ------------------------------------------------------------------------------


def test_a_cancelled_call_never_gives_its_reply_to_the_next_caller(
    fake_server: Callable[[Answer], FakeServer],
) -> None:
    arrived, let_go = threading.Event(), threading.Event()

    def answer(words: list[bytes]) -> bytes:
        if words[1] == b"first":
            arrived.set()
            let_go.wait(WIDE_S)
        return b"$%d\r\n%s\r\n" % (len(words[1]), words[1])

    async def scenario(url: str) -> bytes:
        async with AsyncStore.open(url, deadline_s=WIDE_S) as store:
            call = asyncio.create_task(store.perform(Command(("GET", "first"))))
            await asyncio.to_thread(arrived.wait, WIDE_S)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            let_go.set()  # the reply to the cancelled call is now on its way
            second: bytes = await store.perform(Command(("GET", "second")))
            return second

    assert asyncio.run(scenario(fake_server(answer).url)) == b"second"


def test_a_cancelled_protocol_may_give_back_what_it_holds(server: Server, namespace: str) -> None:
    held: list[str] = []

    async def scenario() -> None:
        waiting = asyncio.Event()

        def protocol() -> Protocol[None]:
            held.append("taken")
            try:
                waiting.set()
                yield Pause(3600.0)
            except BaseException:
                answer = yield echo("given back")
                held.append(answer.decode())
                raise

        async with AsyncStore.open(server.url, namespace) as store:
            run = asyncio.create_task(store.run(protocol()))
            await waiting.wait()
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run

    asyncio.run(scenario())
    assert held == ["taken", "given back"]
