"""Do both drivers perform a protocol's effects, and keep their hands off what they must not do?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from onebeat.errors import ConfigError, StoreError
from onebeat.wire import Command, Pause, Protocol, Store, ask
from tests.servers import Server
from tests.wire.conftest import Driver, OpenDriver
from tests.wire.fake_server import OK, Answer, FakeServer
from tests.wire.test_failures import script

WIDE_S = 60.0  # far above what anything here takes, far below the test's own timeout
ECHO = script("return ARGV[1]")


def echo(text: str | bytes | int | float):
    return ECHO.call(place="ob:{tests}:x", text=text)


# -- effects and their answers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer"),
    [("x", b"x"), ("é\0", "é\0".encode()), (b"\xff\r\n", b"\xff\r\n"), (7, b"7"), ("", b"")],
)
def test_a_script_gets_its_bytes_and_gives_them_back(text, answer: bytes, driver: Driver) -> None:
    assert driver.perform(echo(text)) == answer


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("return {1, 'two', {3}}", [1, b"two", [3]]),
        ("return false", None),
        ("return redis.status_reply('done')", b"done"),
        ("return {}", []),
    ],
)
def test_answers_are_bytes_ints_and_lists(body: str, answer, driver: Driver) -> None:
    assert driver.perform(script(body).call(place="ob:{tests}:x", text="")) == answer


def test_a_script_is_sent_once_and_again_after_the_server_forgot_it(driver: Driver) -> None:
    for _ in range(2):
        driver.perform(Command(("SCRIPT", "FLUSH")))
        assert driver.perform(echo("a")) == b"a"
        assert driver.perform(Command(("SCRIPT", "EXISTS", ECHO.sha))) in ([1], [True])
        assert driver.perform(echo("b")) == b"b"


def test_a_protocol_runs_in_order_and_returns(driver: Driver) -> None:
    def protocol() -> Protocol[list[bytes]]:
        first = yield from ask(echo("first"))
        yield Pause(0.0)
        second = yield echo(first + b" second")
        return [first, second]

    assert driver.run(protocol()) == [b"first", b"first second"]


def test_a_failure_is_thrown_where_the_protocol_waits_and_it_decides(driver: Driver) -> None:
    def protocol() -> Protocol[bytes]:
        try:
            yield Command(("GET",))
        except StoreError as problem:
            answer: bytes = yield echo(problem.remedy.name)
            return answer
        raise AssertionError("the failure did not arrive")

    assert driver.run(protocol()) == b"FATAL"


def test_a_failure_that_the_protocol_does_not_catch_reaches_the_caller(driver: Driver) -> None:
    closed = []

    def protocol() -> Protocol[None]:
        try:
            yield Command(("GET",))
        finally:
            closed.append(True)

    with pytest.raises(StoreError):
        driver.run(protocol())
    assert closed == [True]


# -- opening, closing, showing ---------------------------------------------------------------------


def connections(operator) -> set[int]:
    return {int(row["id"]) for row in operator.client_list()}


def test_close_releases_every_connection(own_server: Server, open_driver: OpenDriver) -> None:
    driver = open_driver(own_server.url)
    driver.perform(Command(("PING",)))
    driver.perform(Command(("BLPOP", "nothing", 0.05), block_s=0.05))
    with own_server.redis() as operator:
        assert len(connections(operator)) > 1
        driver.close()
        until = time.monotonic() + WIDE_S
        while len(connections(operator)) > 1:
            assert time.monotonic() < until, operator.client_list()
    assert driver.perform(echo("again")) == b"again"


def test_threads_share_a_store(store: Store) -> None:
    wrong: list[bytes] = []

    def ask_often(name: str) -> None:
        for number in range(200):
            text = f"{name} {number}".encode()
            wrong.extend({store.perform(echo(text))} - {text})

    threads = [threading.Thread(target=ask_often, args=(f"thread {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WIDE_S)
    assert not wrong


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://x", "redis:/x", "REDIS://x"])
def test_what_is_not_the_url_of_a_store_is_refused(url: str, open_driver: OpenDriver) -> None:
    with pytest.raises(ConfigError, match="redis://host:6379/0"):
        open_driver(url)


def test_a_client_that_was_given_is_used_for_everything(server: Server, namespace: str) -> None:
    with server.redis() as client:
        store = Store(client, namespace)
        assert store.perform(echo("x")) == b"x"
        said: list[tuple[Any, ...]] = []
        client.execute_command = lambda *words: said.append(words)
        store.perform(Command(("PING",), block_s=1.0))
        assert said == [("PING",)]


def test_a_quiet_fake_is_a_fake(fake_server: Callable[[Answer], FakeServer], open_driver: OpenDriver) -> None:
    fake = fake_server(lambda words: OK)
    assert open_driver(fake.url).perform(Command(("SET", "a", "b"))) in (b"OK", True)
    assert fake.seen[-1] == [b"SET", b"a", b"b"]
