"""Is each Lua header true? Names and places, moves, types of keys, and the rules for the body."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from onebeat.keys import TABLE
from onebeat.queue.states import Move
from onebeat.wire.scripts import Script, Slot, load, parse
from tests.house.sources import lua_files, lua_parts, place

LUA = lua_files()
KEY_TYPES = {key.type.upper() for key in TABLE}
ARG_TYPES = {"text", "int", "bytes", "json"}
UNBOUNDED = ("KEYS", "SMEMBERS", "SCAN", "SORT", "FLUSHDB", "FLUSHALL", "RANDOMKEY", "HKEYS", "HVALS")
HGETALL_IS_BOUNDED = "bounded:"  # a comment on the same line that says by what

_LOCAL = re.compile(r"^\s*local ([\w, ]+?) = (.+)$", re.MULTILINE)
# the place itself, as a number, or kept within a bound
_PLACE = re.compile(r"^(?:math\.(?:min|max)\()?(?:tonumber\()?(KEYS|ARGV)\[(\d+)\]\)?(?:, \w+\))?$")
_GROUP = re.compile(r"^\{((?:KEYS|ARGV)\[\d+\](?:, (?:KEYS|ARGV)\[\d+\])*)\}$")
_COLUMN = re.compile(r"^(?:tonumber\()?ARGV\[(\w+)(?: \+ (\d+))?\]\)?$")


def script_of(path: Path) -> Script:
    return parse(path.parts[-3], path.stem, path.read_text(encoding="utf-8"))


def body_of(text: str) -> str:
    """The text without its comments."""
    return re.sub(r"--.*", "", text)


def split_top(text: str) -> list[str]:
    """The parts between commas that stand outside every bracket."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]


def bindings(body: str) -> list[tuple[str, str]]:
    """Every `local name = expression` of the body, the lists taken apart."""
    pairs: list[tuple[str, str]] = []
    for names, expressions in _LOCAL.findall(body):
        pairs += zip(split_top(names), split_top(expressions), strict=False)
    return pairs


def places(script: Script) -> dict[str, tuple[str, Slot]]:
    """Where the header puts each name: `KEYS 3`, or the first of a group or rest."""
    found: dict[str, tuple[str, Slot]] = {}
    for kind, slots in (("KEYS", script.keys), ("ARGV", script.args)):
        at = 1
        for slot in slots:
            found[slot.name] = (f"{kind} {at}", slot)
            at += slot.size
    return found


def bound_place(expression: str) -> str | None:
    """`KEYS 3` for `KEYS[3]`, `tonumber(KEYS[3])` and `{KEYS[3], KEYS[4]}`."""
    group = _GROUP.match(expression)
    one = _PLACE.match(split_top(group[1])[0] if group else expression)
    return f"{one[1]} {one[2]}" if one else None


def lies(script: Script) -> list[str]:
    """Where the body does not do what the header says."""
    named, wrong, seen = places(script), [], set[str]()
    for name, expression in bindings(body_of(script.text)):
        where = bound_place(expression)
        if where is not None:
            seen.add(name)
            if name not in named or named[name][0] != where:
                wrong.append(f"{name} is {where} in the body, and {named.get(name, ('nothing',))[0]} above")
        elif name in named and named[name][1].rest:
            seen.add(name)
            kind, first = named[name][0].split()
            # a start is written as the index itself, or as what is before it (`place + uniq`)
            if expression not in (first, str(int(first) - 1)):
                wrong.append(f"{name} starts at {expression} in the body, and at {kind} {first} above")
    wrong += [f"{name} is never bound" for name in named if name not in seen and not _is_spread(name, named)]
    return wrong + column_lies(script)


def _is_spread(name: str, named: dict[str, tuple[str, Slot]]) -> bool:
    """A rest that starts at 1 needs no start of its own."""
    return named[name][1].rest and named[name][0].endswith(" 1")


def column_lies(script: Script) -> list[str]:
    """A local that has the name of a column is read from the place of that column."""
    columns = {name: i for slot in script.args if slot.rest for i, name in enumerate(slot.columns)}
    wrong = []
    for name, expression in bindings(body_of(script.text)):
        read = _COLUMN.match(expression)
        if read and not read[1].isdigit() and name in columns and int(read[2] or 0) != columns[name]:
            wrong.append(f"{name} is column {read[2] or 0} in the body, and {columns[name]} above")
    return wrong


def broken_rules(text: str) -> list[str]:
    """What a script does that no script may do (docs/reference/redis.md)."""
    wrong = []
    for number, line in enumerate(text.splitlines(), 1):
        code, _, comment = line.partition("--")
        for command in re.findall(r"redis\.p?call\(\s*(.+?)[,)]", code):
            word = command.strip("'\"").upper()
            if command[0] not in "'\"":
                wrong.append(f"line {number}: the command is not written out")
            elif word in UNBOUNDED or (word == "HGETALL" and HGETALL_IS_BOUNDED not in comment):
                wrong.append(f"line {number}: {word} may be unbounded")
        if re.search(r"\bob:", code) or re.search(r"redis\.p?call\('\w+',\s*'", code):
            wrong.append(f"line {number}: a key is built in Lua instead of taken from KEYS")
        if "cjson" in code:
            wrong.append(f"line {number}: cjson changes what it re-encodes ([] becomes {{}})")
        if "math.random" in code or "os.time" in code:
            wrong.append(f"line {number}: luck and time come in, or from TIME")
    return wrong


@pytest.mark.parametrize("path", LUA, ids=place)
def test_names_stand_where_the_header_says(path: Path) -> None:
    assert not lies(script_of(path))


@pytest.mark.parametrize("path", [*LUA, *lua_parts()], ids=place)
def test_the_body_keeps_the_rules(path: Path) -> None:
    assert not broken_rules(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", LUA, ids=place)
def test_moves_and_types_are_words_of_the_tables(path: Path) -> None:
    script = script_of(path)
    assert set(script.moves) <= {move.name for move in Move}
    assert {key.type for key in script.keys} <= KEY_TYPES
    assert {arg.type for arg in script.args} <= ARG_TYPES


@pytest.mark.parametrize("path", lua_parts(), ids=place)
def test_a_part_is_functions_that_a_script_includes(path: Path) -> None:
    """It has no header, so it takes nothing by place."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(KEYS|ARGV)\b", body_of(text))
    room, name = path.parts[-4], path.stem
    assert any(
        f"-- include {name}\n" in one.read_text(encoding="utf-8") for one in LUA if one.parts[-3] == room
    )


@pytest.mark.parametrize("path", LUA, ids=place)
def test_every_part_that_it_includes_is_there(path: Path) -> None:
    text = load(path.parts[-3], path.stem).text
    assert "-- include" not in text


def test_there_are_scripts_to_check() -> None:
    assert {path.parts[-3] for path in LUA} >= {"locks", "queue"}


SAMPLE = """\
-- sample: for this test.
-- KEYS ready[2] LIST x
-- KEYS own HASH x
-- ARGV token text x
-- ARGV ...rows[id, record] x
-- MOVES none
-- RETURNS x
local ready = {KEYS[1], KEYS[2]}
local own, token = KEYS[3], ARGV[1]
local rows, width = 2, 2
for i = rows, #ARGV, width do
  local id, record = ARGV[i], ARGV[i + 1]
end
"""


@pytest.mark.parametrize(
    ("true", "false", "lie"),
    [
        ("own, token = KEYS[3]", "own, token = KEYS[2]", "own is KEYS 2 in the body, and KEYS 3 above"),
        ("token = KEYS[3], ARGV[1]", "token = KEYS[3], ARGV[2]", "token is ARGV 2"),
        ("{KEYS[1], KEYS[2]}", "{KEYS[2], KEYS[3]}", "ready is KEYS 2"),
        ("local own, token =", "local mine, token =", "own is never bound"),
        ("rows, width = 2,", "rows, width = 3,", "rows starts at 3 in the body, and at ARGV 2 above"),
        ("local id, record =", "local record, id =", "record is column 0 in the body, and 1 above"),
    ],
)
def test_a_lie_is_seen(true: str, false: str, lie: str) -> None:
    assert not lies(parse("tests", "sample", SAMPLE))
    assert lie in "; ".join(lies(parse("tests", "sample", SAMPLE.replace(true, false))))


@pytest.mark.parametrize(
    "line",
    [
        "redis.call('KEYS', '*')",
        "redis.call('SMEMBERS', KEYS[1])",
        "redis.call('HGETALL', KEYS[1])",
        "redis.call(ARGV[1], KEYS[1])",
        "redis.call('GET', 'ob:{x}:y')",
        "local key = prefix .. 'ob:x'",
        "cjson.encode(x)",
    ],
)
def test_a_broken_rule_is_seen(line: str) -> None:
    assert broken_rules(line)


@pytest.mark.parametrize(
    "line", ["redis.call('HGETALL', own)  -- bounded: ≤ 256", "redis.call('GET', KEYS[1])"]
)
def test_a_kept_rule_is_no_finding(line: str) -> None:
    assert not broken_rules(line)
