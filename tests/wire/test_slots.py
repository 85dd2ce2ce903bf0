"""Does a call go to the slot where its keys are?"""

from __future__ import annotations

import ast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redis.crc import key_slot

from onebeat.wire.slots import keys_of, slot_of, slot_of_call
from tests.house.sources import python_files, tree


@given(st.binary(max_size=40) | st.text("{}ab:", max_size=12).map(str.encode))
@example(b"{}{a}")
@example(b"a{}b")
@example(b"{{a}}")
@example(b"}{a}{b}")
def test_the_slot_of_a_key_is_the_one_that_redis_py_knows(key: bytes) -> None:
    assert slot_of(key) == key_slot(key)


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (("PING",), ()),
        (("GET", "k"), ("k",)),
        (("EVALSHA", "sha", 2, "a", "b", "c"), ("a", "b")),
        (("EVAL", "text", 0, "c"), ()),
        (("BZPOPMIN", "a", "b", 2.0), ("a", "b")),
        (("BLPOP", "a", 2.0), ("a",)),
        (("XINFO", "STREAM", "k"), ("k",)),
        (("DEL", "a", "b"), ("a", "b")),
        (("HMGET", "k", "f", "g"), ("k",)),
        (("SCAN", 0, "MATCH", "x"), ()),
        (("XREAD", "COUNT", 1, "BLOCK", 5, "STREAMS", "a", "b", "0", "0"), ("a", "b")),
    ],
)
def test_the_keys_of_a_command(words: tuple[object, ...], keys: tuple[str, ...]) -> None:
    assert keys_of(words) == keys


def test_every_command_that_is_sent_has_its_place_in_the_table() -> None:
    """Else it would be refused on a Cluster, and nowhere else."""
    sent = {
        word.value
        for path in python_files("onebeat")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Command" and node.args
        for word in ast.walk(node.args[0])
        if isinstance(word, ast.Constant) and word is getattr(node.args[0], "elts", [None])[0]
    }
    assert len(sent) > 20
    for verb in sent | {"ZRANGE", "ZREVRANGE", "WAIT", "WAITAOF"}:  # these are arguments where they are sent
        keys_of((verb, "STREAM" if verb == "XINFO" else "STREAMS", "k", "0"))


def test_a_command_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="GEOADD is not in slots"):
        keys_of(("GEOADD", "k"))


def test_keys_of_several_slots_are_no_call() -> None:
    assert slot_of_call(("DEL", "{a}1", "{a}2")) == slot_of("a")
    assert slot_of_call(("PING",)) is None
    with pytest.raises(ValueError, match="2 slots"):
        slot_of_call(("DEL", "a", "b"))
