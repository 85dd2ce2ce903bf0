"""What does a Lua script take, move and answer? Its parsed header says.

A script starts with comment lines that are a contract, not prose:

    -- release: give the lock back.                  the verb (the file's name) and its purpose
    -- KEYS owner STRING token of the holder         name, type, meaning; order is KEYS order
    -- KEYS ready[4] LIST one per priority           a group of fixed size
    -- KEYS ...uniq STRING marker per message        the rest, last only
    -- ARGV token text the caller's token            name, type (text int bytes), meaning
    -- ARGV ...ids[id, record] what to move          the rest, flattened rows of that width
    -- MOVES CLAIM RETRY                             moves of queue/states.py it makes, or `none`
    -- RETURNS done | already | not-yours            the shape of the answer

In its body `-- include over` stands for `lua/parts/over.lua`, functions that several scripts of a room share.
Python calls by name (`RELEASE.call(owner=…, token=…)`), so no caller knows an index; a test compares
header and body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from importlib.resources import files
from itertools import chain
from operator import itemgetter
from typing import Any

from onebeat.wire.steps import Arg, Call

_INCLUDE = re.compile(r"^-- include (\w+)\n", re.MULTILINE)
_LINE = re.compile(r"-- (KEYS|ARGV) (\.\.\.)?([a-z_]+)(?:\[([^\]]+)\])? (.*)")


@dataclass(frozen=True, slots=True)
class Slot:
    """One named place in KEYS or ARGV: `size` places, or the rest (`size` = row width)."""

    name: str
    type: str
    size: int
    rest: bool
    columns: tuple[str, ...]
    meaning: str


@dataclass(frozen=True)
class Script:
    """A loaded script; equal by content."""

    room: str
    verb: str
    text: str
    purpose: str
    keys: tuple[Slot, ...]
    args: tuple[Slot, ...]
    moves: tuple[str, ...]
    returns: str

    @cached_property
    def sha(self) -> str:
        """What EVALSHA calls it (SHA-1 is the server's choice, not a security measure)."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    @cached_property
    def _single(self) -> tuple[int, Callable[..., Any], Callable[..., Any]] | None:
        """How many names there are, and what picks KEYS and ARGV by them, where each stands for one value."""
        if any(slot.rest or slot.size != 1 for slot in (*self.keys, *self.args)):
            return None
        if min(len(self.keys), len(self.args)) < 2:  # one alone is not picked as a tuple
            return None
        keys_of, args_of = (itemgetter(*(slot.name for slot in slots)) for slots in (self.keys, self.args))
        return len(self.keys) + len(self.args), keys_of, args_of

    def call(self, **named: Any) -> Call:
        """The call with these values, by header name; groups and rests take sequences.

        Raises:
            TypeError: a name is missing, unknown, or a row has the wrong width.
        """
        single = self._single
        if single is not None and len(named) == single[0]:
            try:
                return Call(self, single[1](named), single[2](named))
            except KeyError:
                pass  # the long way says which
        keys, args = self._placed(self.keys, named), self._placed(self.args, named)
        self._know_all(named)
        return Call(self, keys, args)

    def keys_of(self, **named: Any) -> tuple[Arg, ...]:
        """KEYS by header name, for many calls that have them in common: see `call_on`.

        Raises:
            TypeError: as `call`.
        """
        keys = self._placed(self.keys, named)
        self._know_all(named)
        return keys

    def call_on(self, keys: tuple[Arg, ...], **named: Any) -> Call:
        """The call on `keys` of `keys_of` with these arguments, by header name; raises as `call`."""
        args = self._placed(self.args, named)
        self._know_all(named)
        return Call(self, keys, args)

    def _placed(self, slots: Sequence[Slot], named: dict[str, Any]) -> tuple[Arg, ...]:
        """The values of `slots` in their order, taken out of `named`."""
        into: list[Arg] = []
        try:
            for slot in slots:
                if slot.rest or slot.size != 1:
                    _spread(self.verb, slot, named.pop(slot.name), into)
                else:
                    into.append(named.pop(slot.name))
        except KeyError as missing:
            raise TypeError(f"script {self.verb}: {missing.args[0]!r} is missing") from None
        return tuple(into)

    def _know_all(self, left: Mapping[str, Any]) -> None:
        if left:
            raise TypeError(f"script {self.verb} takes no {', '.join(sorted(left))}")


def _spread(verb: str, slot: Slot, value: Any, into: list[Arg]) -> None:
    """The values of a group or of a rest."""
    if isinstance(value, str | bytes):  # a sequence too, but of letters
        raise TypeError(f"script {verb}: {slot.name} takes a list, not one text")
    if not slot.rest:
        if len(value) != slot.size:
            raise TypeError(f"script {verb}: {slot.name} takes {slot.size} values, not {len(value)}")
        into.extend(value)
    elif slot.size == 1:
        into.extend(value)
    else:
        rows = list(value)
        if set(map(len, rows)) - {slot.size} or {str, bytes} & set(map(type, rows)):
            raise TypeError(f"script {verb}: a row of {slot.name} has {slot.size} values: {slot.columns}")
        into.extend(chain.from_iterable(rows))


def _slot(kind: str, rest: str | None, name: str, inside: str | None, tail: str) -> Slot:
    type_, columns, size = "text", tuple[str, ...](), 1
    if kind == "KEYS" or not rest:
        type_, _, tail = tail.partition(" ")
    if inside and inside.isdigit():
        size = int(inside)
    elif inside:
        columns = tuple(part.strip() for part in inside.split(","))
        size = len(columns)
    return Slot(name, type_, size, bool(rest), columns, tail)


def parse(room: str, verb: str, text: str) -> Script:
    """The script in `text`, its header understood.

    Raises:
        ValueError: the header is incomplete or unreadable, a name stands twice, or a rest is not last.
    """
    where = f"{room}/lua/{verb}.lua"
    head = _head(text)
    title = f"-- {verb}: "
    if not head or not head[0].startswith(title):
        raise ValueError(f"{where} must start with '{title}<purpose>'")
    slots: dict[str, list[Slot]] = {"KEYS": [], "ARGV": []}
    moves: tuple[str, ...] | None = None
    returns: str | None = None
    for line in head[1:]:
        found = _LINE.fullmatch(line)
        if found:
            slots[found[1]].append(_slot(*found.groups()))
        elif line.startswith("-- MOVES "):
            moves = tuple(word for word in line.split()[2:] if word != "none")
        elif line.startswith("-- RETURNS "):
            returns = line.removeprefix("-- RETURNS ")
        elif line.startswith(("-- KEYS", "-- ARGV")):
            raise ValueError(f"{where}: cannot read {line!r}, write '-- KEYS name TYPE meaning'")
    if moves is None or returns is None:
        raise ValueError(f"{where}: the header needs a MOVES and a RETURNS line")
    _check(where, slots)
    purpose = head[0].removeprefix(title)
    return Script(room, verb, text, purpose, tuple(slots["KEYS"]), tuple(slots["ARGV"]), moves, returns)


def _check(where: str, slots: dict[str, list[Slot]]) -> None:
    """Names find their places: each is there once, and nothing follows a rest."""
    for kind, named in slots.items():
        if any(slot.rest for slot in named[:-1]):
            raise ValueError(f"{where}: only the last of {kind} can take the rest")
    names = [slot.name for named in slots.values() for slot in named]
    if len(set(names)) < len(names):
        raise ValueError(f"{where}: a name stands twice among {names}, and calls are by name")


def _head(text: str) -> Sequence[str]:
    """The leading comment lines."""
    head: list[str] = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        head.append(line.rstrip())
    return head


def load(room: str, verb: str) -> Script:
    """The script `onebeat/<room>/lua/<verb>.lua`."""
    text = files(f"onebeat.{room}").joinpath("lua", f"{verb}.lua").read_text(encoding="utf-8")
    return parse(room, verb, expanded(room, text))


def expanded(room: str, text: str) -> str:
    """`text` with the parts that it includes in their places."""
    parts = files(f"onebeat.{room}").joinpath("lua", "parts")
    return _INCLUDE.sub(lambda one: parts.joinpath(f"{one[1]}.lua").read_text(encoding="utf-8"), text)


def load_all(room: str, verbs: Iterable[str]) -> tuple[Script, ...]:
    """Several scripts of one room, in the order asked for."""
    return tuple(load(room, verb) for verb in verbs)
