"""Does every error of a server reach its caller with the right remedy?"""

from __future__ import annotations

import pytest

from onebeat.errors import Remedy, StoreError
from onebeat.wire import Command
from onebeat.wire.failures import FAILURES, Failure, from_server
from onebeat.wire.scripts import Script, parse
from tests.servers import Server
from tests.wire.conftest import Driver, OpenDriver

# What a server writes behind the word, where redis-py reads it.
TAILS = {"NOAUTH": "Authentication required.", "MOVED": "3999 127.0.0.1:6381", "ASK": "3999 127.0.0.1:6381"}


def script(body: str) -> Script:
    header = "-- sample: a script for tests.\n-- KEYS place STRING x\n-- ARGV text text x\n"
    return parse("tests", "sample", f"{header}-- MOVES none\n-- RETURNS x\n{body}\n")


def error_of(driver: Driver, effect) -> StoreError:
    with pytest.raises(StoreError) as raised:
        driver.perform(effect)
    return raised.value


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.word)
def test_an_error_reply_has_its_remedy_and_its_mend(failure: Failure, driver: Driver) -> None:
    text = f"{failure.word} {TAILS.get(failure.word, 'as the server says')}"
    error = error_of(driver, Command(("EVAL", "return redis.error_reply(ARGV[1])", 0, text)))
    assert (error.remedy, failure.mend in str(error)) == (failure.remedy, True), error
    assert text in str(error)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.word)
def test_so_has_an_error_inside_a_script(failure: Failure, driver: Driver) -> None:
    text = f"{failure.word} {TAILS.get(failure.word, 'as the server says')}"
    call = script("return redis.error_reply(ARGV[1])").call(place="ob:{tests}:x", text=text)
    assert error_of(driver, call).remedy is failure.remedy


@pytest.mark.parametrize("text", ["", "ERR unknown command", "loading", "ERR a key named OOMPH is missing"])
def test_an_unknown_error_is_fatal_and_keeps_its_text(text: str) -> None:
    error = from_server(text)
    assert error.remedy is Remedy.FATAL
    assert text in str(error)


def write(text: str = "x"):
    return script("return redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000)").call(
        place="ob:{tests}:x", text=text
    )


@pytest.mark.parametrize(
    ("setup", "word", "remedy"),
    [
        ([("CONFIG", "SET", "maxmemory", "1")], "OOM", Remedy.RETRY),
        ([("REPLICAOF", "127.0.0.1", "1")], "READONLY", Remedy.RESOLVE),
        ([("CONFIG", "SET", "min-replicas-to-write", "1")], "NOREPLICAS", Remedy.RETRY),
        ([("CONFIG", "SET", "requirepass", "sesame")], "NOAUTH", Remedy.FATAL),
        ([("ACL", "SETUSER", "default", "-eval", "-evalsha")], "NOPERM", Remedy.FATAL),
        ([("ACL", "SETUSER", "default", "resetkeys")], "NOPERM", Remedy.FATAL),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_real_server_in_trouble(
    setup: list[tuple[str, ...]], word: str, remedy: Remedy, own_server: Server, open_driver: OpenDriver
) -> None:
    with own_server.redis() as operator:
        for words in setup:
            operator.execute_command(*words)
    error = error_of(open_driver(own_server.url), write())
    assert (word in str(error), error.remedy) == (True, remedy), error


def test_a_wrong_password(own_server: Server, open_driver: OpenDriver) -> None:
    with own_server.redis() as operator:
        operator.execute_command("CONFIG", "SET", "requirepass", "sesame")
    error = error_of(open_driver(own_server.url.replace("unix://", "unix://:wrong@")), write())
    assert ("WRONGPASS" in str(error), error.remedy) == (True, Remedy.FATAL), error


@pytest.mark.leaves_keys
def test_a_key_of_another_type(driver: Driver) -> None:
    place = f"{driver.store.space.cluster}:taken"
    driver.perform(Command(("LPUSH", place, "x")))
    error = error_of(driver, Command(("GET", place)))
    assert ("WRONGTYPE" in str(error), error.remedy) == (True, Remedy.FATAL)


def test_a_server_that_is_not_there(open_driver: OpenDriver) -> None:
    error = error_of(open_driver("unix:///nowhere/s"), Command(("PING",)))
    assert error.remedy is Remedy.RETRY
    assert "/nowhere/s" in str(error)
    assert "onebeat up" in str(error)
