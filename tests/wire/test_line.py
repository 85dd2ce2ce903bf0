"""Does a call get the same answer over our own reading of the socket as over redis-py's?"""

from __future__ import annotations

from typing import Any

import pytest
import redis
from redis.connection import SSLConnection, UnixDomainSocketConnection

from onebeat.wire import line
from onebeat.wire.line import Line, StraightLine, UsualLine, line_of
from tests.servers import Server

LONG = "x" * 1_000_000
ASKED: list[tuple[Any, ...]] = [
    ("PING",),
    ("GET", "ob:{t}:nothing"),
    ("EVAL", "return {1, false, {'a', {2}}, 'b'}", 0),
    ("EVAL", "return ARGV", 0, "text", b"bytes", 7, 1.5, "ü", ""),
    ("EVAL", "return {ARGV[1], ARGV[1]}", 0, LONG),
]


def of_kind(kind: type[Line], server: Server) -> Line:
    pool = redis.Redis.from_url(server.url, protocol=2, socket_timeout=30.0).connection_pool
    connection: Any = pool.connection_class(**pool.connection_kwargs)
    if kind is UsualLine:
        return UsualLine(connection)
    packer = line.find_packer()
    assert packer is not None
    return StraightLine(connection, packer)


def asked(one: Line, *words: Any) -> Any:
    one.send(words)
    return one.read()


@pytest.mark.parametrize("words", ASKED, ids=lambda words: words[0])
def test_both_answer_the_same(own_server: Server, words: tuple[Any, ...]) -> None:
    straight, usual = (of_kind(kind, own_server) for kind in (StraightLine, UsualLine))
    assert asked(straight, *words) == asked(usual, *words)
    straight.close()
    usual.close()


@pytest.mark.parametrize("kind", [StraightLine, UsualLine])
def test_a_refusal_is_redis_pys_and_the_next_answer_is_the_next_calls(
    own_server: Server, kind: type[Line]
) -> None:
    one = of_kind(kind, own_server)
    with pytest.raises(redis.exceptions.NoScriptError):
        asked(one, "EVALSHA", "0" * 40, 0)
    assert asked(one, "ECHO", "next") == b"next"
    one.close()


@pytest.mark.parametrize("kind", [StraightLine, UsualLine])
def test_what_was_closed_while_it_was_idle_connects_again(own_server: Server, kind: type[Line]) -> None:
    one = of_kind(kind, own_server)
    with own_server.redis() as operator:
        for number in range(3):
            assert asked(one, "ECHO", str(number)) == str(number).encode()
            operator.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    one.close()


@pytest.mark.parametrize("kind", [StraightLine, UsualLine])
def test_what_is_closed_while_it_waits_for_an_answer_says_so(own_server: Server, kind: type[Line]) -> None:
    one = of_kind(kind, own_server)
    one.send(("BLPOP", "ob:{t}:nothing", 0))
    with own_server.redis() as operator:
        operator.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    with pytest.raises((redis.exceptions.ConnectionError, OSError)):
        one.read()
    one.close()
    assert asked(one, "ECHO", "again") == b"again"
    one.close()


@pytest.mark.parametrize("kind", [StraightLine, UsualLine])
def test_no_answer_in_time_is_an_error(own_server: Server, kind: type[Line]) -> None:
    pool = redis.Redis.from_url(own_server.url, protocol=2, socket_timeout=0.05).connection_pool
    packer = line.find_packer()
    assert packer is not None
    connection: Any = pool.connection_class(**pool.connection_kwargs)
    one: Line = UsualLine(connection) if kind is UsualLine else StraightLine(connection, packer)
    with pytest.raises((redis.exceptions.TimeoutError, TimeoutError)):
        asked(one, "BLPOP", "ob:{t}:nothing", 0)
    one.close()


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, StraightLine),
        ({"connection_class": UnixDomainSocketConnection, "path": "/nowhere"}, StraightLine),
        ({"connection_class": SSLConnection}, UsualLine),
        ({"decode_responses": True}, UsualLine),
    ],
)
def test_what_is_no_plain_socket_with_bytes_goes_through_redis_py(
    options: dict[str, Any], kind: type[Line]
) -> None:
    assert type(line_of(redis.ConnectionPool(**options))) is kind


def test_without_hiredis_redis_py_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "find_packer", lambda: None)
    assert type(line_of(redis.ConnectionPool())) is UsualLine
