"""What may a script's header say, and does a call by name fill the right places?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from onebeat.wire import Call
from onebeat.wire.scripts import Script, parse

HEADER = """\
-- swap: put a record in another's place.
-- KEYS ready[2] LIST one per priority
-- KEYS own HASH what a worker holds
-- KEYS ...marks STRING one per message
-- ARGV token text who asks
-- ARGV limit int how many
-- ARGV ...rows[id, record] what to swap
-- MOVES CLAIM RETRY
-- RETURNS done | already
-- A word on why, which is prose.
return 1
"""


def without(line: str) -> str:
    return HEADER.replace(line, "")


def instead(line: str, other: str) -> str:
    return HEADER.replace(line, other)


def test_a_header_is_understood() -> None:
    script = parse("queue", "swap", HEADER)
    assert script.purpose == "put a record in another's place."
    assert [(key.name, key.type, key.size, key.rest) for key in script.keys] == [
        ("ready", "LIST", 2, False),
        ("own", "HASH", 1, False),
        ("marks", "STRING", 1, True),
    ]
    assert [(arg.name, arg.type, arg.size, arg.rest) for arg in script.args] == [
        ("token", "text", 1, False),
        ("limit", "int", 1, False),
        ("rows", "text", 2, True),
    ]
    assert script.args[2].columns == ("id", "record")
    assert script.args[2].meaning == "what to swap"
    assert script.moves == ("CLAIM", "RETRY")
    assert script.returns == "done | already"


def test_no_moves_is_said_not_left_out() -> None:
    assert parse("queue", "swap", instead("MOVES CLAIM RETRY", "MOVES none")).moves == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must start with"),
        ("return 1\n", "must start with"),
        (instead("-- swap: ", "-- exchange: "), "must start with '-- swap: <purpose>'"),
        (without("-- MOVES CLAIM RETRY\n"), "needs a MOVES and a RETURNS"),
        (without("-- RETURNS done | already\n"), "needs a MOVES and a RETURNS"),
        (instead("ready[2] LIST one per priority", "ready"), "cannot read '-- KEYS ready'"),
        (instead("ARGV token text", "ARGV Token text"), "cannot read '-- ARGV Token"),
        (instead("ARGV token text", "ARGV own text"), "a name stands twice"),
        (instead("KEYS ready[2]", "KEYS ...ready"), "only the last of KEYS"),
        (instead("ARGV token", "ARGV ...token"), "only the last of ARGV"),
    ],
)
def test_a_wrong_header_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"queue/lua/swap\.lua") as refused:
        parse("queue", "swap", text)
    assert complaint in str(refused.value)


def given(**changed: Any) -> dict[str, Any]:
    values = {
        "ready": ["r0", "r1"],
        "own": "o",
        "marks": ["m"],
        "token": b"t",
        "limit": 3,
        "rows": [("a", b"1")],
    }
    return {name: value for name, value in (values | changed).items() if value is not None}


def at_once(script: Script, **named: Any) -> Call:
    return script.call(**named)


def in_two_steps(script: Script, **named: Any) -> Call:
    ours = {slot.name for slot in script.keys}
    keys = script.keys_of(**{name: value for name, value in named.items() if name in ours})
    return script.call_on(keys, **{name: value for name, value in named.items() if name not in ours})


WAYS = pytest.mark.parametrize("way", [at_once, in_two_steps])


@WAYS
@pytest.mark.parametrize(
    ("changed", "keys", "args"),
    [
        ({}, ("r0", "r1", "o", "m"), (b"t", 3, "a", b"1")),
        ({"marks": [], "rows": []}, ("r0", "r1", "o"), (b"t", 3)),
        ({"marks": ["m", "n"]}, ("r0", "r1", "o", "m", "n"), (b"t", 3, "a", b"1")),
        ({"rows": (["a", b"1"], ["b", b"2"])}, ("r0", "r1", "o", "m"), (b"t", 3, "a", b"1", "b", b"2")),
    ],
)
def test_names_find_their_places(
    changed: dict[str, Any], keys: tuple[Any, ...], args: tuple[Any, ...], way: Callable[..., Call]
) -> None:
    if "rows" in changed:
        changed = {**changed, "rows": iter(changed["rows"])}
    call = way(parse("queue", "swap", HEADER), **given(**changed))
    assert (call.keys, call.args) == (keys, args)


def test_keys_alone_take_no_other_name() -> None:
    with pytest.raises(TypeError, match="script swap takes no limit"):
        parse("queue", "swap", HEADER).keys_of(ready=["r0", "r1"], own="o", marks=[], limit=3)


@WAYS
@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"own": None}, "'own' is missing"),
        ({"limit": None}, "'limit' is missing"),
        ({"colour": "red"}, "takes no colour"),
        ({"ready": ["r0"]}, "ready takes 2 values, not 1"),
        ({"ready": "r0"}, "ready takes a list, not one text"),
        ({"marks": "m"}, "marks takes a list, not one text"),
        ({"rows": [("a",)]}, "a row of rows has 2 values"),
        ({"rows": ["ab"]}, "a row of rows has 2 values"),
    ],
)
def test_a_wrong_call_is_refused(changed: dict[str, Any], complaint: str, way: Callable[..., Call]) -> None:
    with pytest.raises(TypeError, match="script swap") as refused:
        way(parse("queue", "swap", HEADER), **given(**changed))
    assert complaint in str(refused.value)


@pytest.mark.parametrize("change", [lambda text: text, lambda text: text + "\n"], ids=["same", "changed"])
def test_the_hash_is_the_content(change: Callable[[str], str]) -> None:
    first, second = parse("queue", "swap", HEADER), parse("queue", "swap", change(HEADER))
    assert isinstance(first, Script)
    assert (first.sha == second.sha) == (first == second)
