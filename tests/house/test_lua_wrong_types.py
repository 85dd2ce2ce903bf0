"""What does any script leave behind when one of its keys was overwritten by something else? Nothing new.

Redis does not roll a script back, so a script looks at every key before its first write. This sweep
fills keys and arguments from the headers alone, so a new script is in it from its first day; the
rooms' own tests drive their scripts down every path.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from onebeat.errors import StoreError
from onebeat.queue.record import Header, Message, pack
from onebeat.wire import Command, Store
from onebeat.wire.scripts import Script, Slot, load
from tests.house.sources import lua_files, place

RECORD = pack(Message("a", Header("tests.task"), b"\x92\x90\x80"))
FILL = {
    "STRING": ("SET", b"1"),
    "LIST": ("RPUSH", RECORD),
    "HASH": ("HSET", b"a", RECORD),
    "ZSET": ("ZADD", b"1", b"a"),
    "SET": ("SADD", b"a"),
    "STREAM": ("XADD", b"*", b"e", b"{}"),
}
# What an argument of this name is, where "a" or 1 would not be understood.
VALUES = {"record": RECORD, "move": "bury", "overlap": "allow", "uniq": 0, "event": "{}", "delay_ms": 0}


def filled(script: Script, prefix: str) -> dict[str, Any]:
    """A value for every name of the header; a rest gets two."""

    def key(slot: Slot) -> Any:
        names = [f"{prefix}:{slot.name}{i}" for i in range(slot.size)]
        if slot.rest:
            return [names] if slot.size > 1 else names
        return names if slot.size > 1 else names[0]

    def arg(slot: Slot) -> Any:
        if slot.columns:
            return [[VALUES.get(column, _usual(column, "text")) for column in slot.columns]]
        value = VALUES.get(slot.name, _usual(slot.name, slot.type))
        return [value] if slot.rest else value

    return {slot.name: key(slot) for slot in script.keys} | {slot.name: arg(slot) for slot in script.args}


def _usual(name: str, type_: str) -> str | int:
    return 1 if type_ == "int" or name.endswith("_ms") else "a"


def types_of(script: Script, keys: tuple[Any, ...]) -> dict[str, str]:
    """The right type of each key of the call."""
    types: list[str] = []
    for slot in script.keys:
        types += [slot.type] * slot.size
    return dict(zip(keys, types, strict=True))


def put(store: Store, key: str, type_: str) -> None:
    word, *rest = FILL[type_]
    store.perform(Command(("DEL", key)))
    store.perform(Command((word, key, *rest)))


def dump(store: Store, keys: tuple[Any, ...]) -> list[bytes | None]:
    return [store.perform(Command(("DUMP", key))) for key in keys]


@pytest.mark.leaves_keys
@pytest.mark.parametrize("others_are_there", [True, False], ids=["full", "empty"])
@pytest.mark.parametrize("path", lua_files(), ids=place)
def test_a_wrong_type_changes_nothing(path: Path, others_are_there: bool, store: Store) -> None:
    script = load(path.parts[-3], path.stem)
    call = script.call(**filled(script, f"ob:{{{store.namespace}:x}}"))
    types = types_of(script, call.keys)
    refused = 0
    for wrong_key, right in types.items():
        for wrong in sorted(FILL.keys() - {right}):
            store.perform(Command(("DEL", *types)))
            for key, type_ in types.items() if others_are_there else ():
                put(store, key, type_)
            put(store, wrong_key, wrong)
            before = dump(store, call.keys)
            try:
                store.perform(call)
            except StoreError:
                refused += 1
                assert dump(store, call.keys) == before, f"wrote although {wrong_key} was a {wrong}"
            else:
                # it had no need to look at this key; then it must not have replaced it either
                assert dump(store, (wrong_key,)) == [before[call.keys.index(wrong_key)]]
    assert refused, "no wrong key was ever noticed: the call does not get as far as looking"
