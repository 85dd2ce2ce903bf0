"""Which schedules does one entry with a `matrix` stand for? Pure.

    tenants: {matrix: {tenant: [acme, globex], region: [eu, us]}, …}   four: tenants.acme.eu, …

An axis is a list of words and numbers, which are also the parts of the ids, or a mapping of such parts to
values of any type. `{{ matrix.tenant }}` in a value stands for the value of its axis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from onebeat.config.mistakes import Code, Mistake
from onebeat.config.place import Place
from onebeat.config.tree import Node
from onebeat.scheduler.blanks import blanks, spelled

COMBINATIONS_MAX = 10_000  # of one entry
AXIS = re.compile(r"[a-z_][a-z0-9_]{0,31}", re.ASCII)
ID_MAX = 64
_PREFIX = "matrix."
_PART = re.compile(r"[a-z0-9_-][a-z0-9_.-]{0,61}", re.ASCII)
Axes = Mapping[str, Mapping[str, Node]]  # name → part of the id → value


def axes_of(place: Place) -> tuple[Axes, list[Mistake]]:
    """The axes of a schedule, empty without a matrix, and what is wrong with them."""
    matrix = place.full.value.get("matrix")
    if matrix is None or matrix.spoiled:
        return {}, []
    if not isinstance(matrix.value, dict) or not matrix.value:
        hint = "write matrix: {tenant: [acme, globex]}"
        return {}, [place.mistake(Code.MATRIX, "a matrix is a mapping of names to lists", ("matrix",), hint)]
    axes: dict[str, dict[str, Node]] = {}
    mistakes: list[Mistake] = []
    count = 1
    for name, node in matrix.value.items():
        mistakes += _bad_name(place, name)
        axes[name] = dict[str, Node]()
        mistakes += _read_axis(place, name, node, axes[name])
        count *= max(1, len(axes[name]))
    if count > COMBINATIONS_MAX:
        message = f"the matrix makes {count} schedules, more than {COMBINATIONS_MAX}"
        mistakes.append(place.mistake(Code.MATRIX, message, ("matrix",), "split it into several schedules"))
    longest = ".".join((place.id, *(max(axis, key=len, default="") for axis in axes.values())))
    if len(longest) > ID_MAX and not mistakes:
        message = f"the id {longest[:30]}…{longest[-10:]} is longer than {ID_MAX} characters"
        mistakes.append(place.mistake(Code.MATRIX, message, ("matrix",), "shorten its parts"))
    return axes, mistakes


def _bad_name(place: Place, name: str) -> Iterator[Mistake]:
    if not AXIS.fullmatch(name):
        message = f"{name[:40]!r} is not the name of an axis"
        where = ("matrix", name)
        yield place.mistake(Code.MATRIX, message, where, "use a-z 0-9 _, such as tenant", on_key=True)


def _read_axis(place: Place, name: str, node: Node, into: dict[str, Node]) -> Iterator[Mistake]:
    where = ("matrix", name)
    if not node.value or not isinstance(node.value, (list, dict)):
        hint = f"write {name}: [acme, globex], or {name}: {{acme: value}}"
        yield place.mistake(
            Code.MATRIX, f"{name} needs a list of values, or a mapping to values", where, hint
        )
        return
    steps = node.value.items() if isinstance(node.value, dict) else enumerate(node.value)
    for step, value in steps:
        if value.spoiled:
            continue
        part = step if isinstance(step, str) else spelled(value.value)
        way = (*where, step)
        if isinstance(value.value, str) and "{{" in value.value:
            value.spoiled = True
            message = "a value of a matrix cannot be filled in itself"
            yield place.mistake(Code.BLANK, message, way, "write the value out")
        elif isinstance(step, int) and (isinstance(value.value, (list, dict)) or value.value is None):
            hint = f"name it: {name}: {{acme: …}}"
            yield place.mistake(Code.MATRIX, "a value in a list is a word or a number", way, hint)
        elif not _PART.fullmatch(part):
            hint = f"use a-z 0-9 _ . -, or give it a name for the id: {name}: {{acme: …}}"
            message = f"{part[:40]!r} cannot be a part of an id"
            yield place.mistake(Code.MATRIX, message, way, hint, on_key=isinstance(step, str))
        elif part in into:
            yield place.mistake(Code.MATRIX, f"{part} is already a value of {name}", way, "keep one of them")
        else:
            into[part] = value


def combinations(place: Place, axes: Axes) -> Iterator[Place]:
    """The schedules that `place` stands for: itself without a matrix."""
    if "matrix" not in place.full.value:
        yield place
        return
    rest = Node(
        {key: node for key, node in place.full.value.items() if key != "matrix"},
        place.full.page,
        place.full.line,
        place.full.column,
        place.full.length,
        place.full.keys,
    )
    if not axes:  # its matrix is wrong
        yield replace(place, full=rest)
        return
    for parts in product(*axes.values()):
        chosen = {name: axes[name][part] for name, part in zip(axes, parts, strict=True)}
        id_ = ".".join((place.id, *parts))
        yield Place(place.page, id_, place.key, place.node, _chosen(rest, chosen), place.id)


def axis_of(name: str) -> str | None:
    """`tenant` of `matrix.tenant`; None when the blank's name is another one."""
    return name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else None


def _chosen(node: Node, chosen: Mapping[str, Node]) -> Node:
    """`node` with the blanks of the matrix filled in; itself when there are none in it."""
    children = node.children()
    if not children:
        return _filled(node, chosen) if isinstance(node.value, str) and "{{" in node.value else node
    made = {step: _chosen(child, chosen) for step, child in children.items()}
    if all(made[step] is child for step, child in children.items()):
        return node
    value: Any = list(made.values()) if isinstance(node.value, list) else made
    return Node(value, node.page, node.line, node.column, node.length, node.keys)


def _filled(node: Node, chosen: Mapping[str, Node]) -> Node:
    text = node.value
    found = [one for one in blanks(text) if one.name is not None and axis_of(one.name) in chosen]
    if not found:
        return node
    values = [chosen[axis_of(one.name or "") or ""] for one in found]
    whole = len(found) == 1 and found[0].length == len(text)
    value = values[0].plain() if whole else _spliced(text, [(one.start, one.length) for one in found], values)
    made = Node(value, node.page, node.line, node.column, node.length)
    made.written, made.quoted = node.written, True
    made.filled = node.filled or any(one.holds_filled() for one in values)
    if whole and isinstance(value, (dict, list)):
        made = values[0]
    return made


def _spliced(text: str, places: list[tuple[int, int]], values: list[Node]) -> str:
    pieces, at = [], 0
    for (start, length), value in zip(places, values, strict=True):
        pieces += [text[at:start], spelled(value.value)]
        at = start + length
    return "".join([*pieces, text[at:]])
