"""Where in the file is what pydantic complains about, and how is it mended? Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from onebeat.config.mistakes import Code, Mistake, closest, shown
from onebeat.config.model import Defaults, Entry, File
from onebeat.config.tree import Node, Way, written_way

# pydantic's error type → what the key wants
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_LIMITS = {
    "greater_than_equal": "it must be at least {ge}",
    "less_than_equal": "it must be at most {le}",
    "less_than": "it must be less than {lt}",
    "string_too_long": "it is longer than {max_length} characters",
    "too_long": "it has more than {max_length} entries",
    "too_short": "it has fewer than {min_length} entries",
}
_EXAMPLES = {
    "retries": "retries: {max: 3, delay: 10s}",
    "singleton": 'singleton: {key: "report:{currency}"}',
    "catch_up": "catch_up: {policy: latest, window: 1h}",
    "dst": "dst: {gap: run-after, fold: first}",
    "defaults": "defaults: {queue: default}",
    "kwargs": "kwargs: {name: value}",
    "args": "args: [value]",
    "tags": "tags: [word]",
    "calendar": 'calendar: {months: 1, day: last, at: "18:00"}',
    "any": 'any: [{cron: "0 9 * * *"}, {every: 45m}]',
    "except": "except: [2026-12-24, 2026-12-24/2027-01-02]",
    "imports": "imports: [package.module]",
}
# what other schedulers call it → our key
_ELSEWHERE = {
    "schedule": "cron",
    "crontab": "cron",
    "interval": "every",
    "run_date": "at",
    "date": "at",
    "tz": "timezone",
    "time_zone": "timezone",
    "misfire_grace_time": "catch_up",
    "coalesce": "catch_up",
    "max_instances": "overlap",
    "concurrency_policy": "overlap",
    "retry": "retries",
    "max_retries": "retries",
    "function": "task",
    "func": "task",
    "jobs": "schedules",
    "crons": "schedules",
    "tasks": "schedules",
    "redis_url": "redis",
    "database_url": "database",
    "backoff": "retries",
}
_NO_STEPS = {"[key]", "str", "list[str]"}  # what pydantic adds to the way where a choice of types is checked
_YES_NO = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


class Complaints:
    """Turns the errors of one section into mistakes.

    `root` is the section's node, `way` the keys that lead to it, `anchor` what stands for the section as
    a whole (its key), `model` its pydantic class.
    """

    def __init__(self, root: Node, way: Way, anchor: Node, model: type[BaseModel]) -> None:
        self._root, self._way = root, tuple(way)
        self._anchor, self._model = anchor, model

    def of(self, error: ValidationError) -> Iterator[Mistake]:
        """A mistake for each error that no earlier mistake explains; the values count as spoiled then."""
        for detail in error.errors(include_url=False, include_input=False):
            where = tuple(step for step in detail["loc"] if step not in _NO_STEPS)
            node = self._root.at(where)
            if node.spoiled:
                continue
            node.spoiled = node is not self._root
            kind, told = detail["type"], detail.get("ctx", {})
            if kind == "onebeat":
                yield self._told(where, node, told)
            elif kind == "extra_forbidden":
                yield self._unknown(where)
            elif kind == "missing":
                yield self._missing(where)
            elif kind in _WANTED:
                yield self._wrong_type(where, node, _WANTED[kind])
            else:
                message = _LIMITS[kind].format(**told) if kind in _LIMITS else detail["msg"]
                yield self._at(Code.VALUE, f"{written_way(where)}: {message}", where, node)

    def _told(self, where: Way, node: Node, told: Mapping[str, Any]) -> Mistake:
        if told["on_key"]:
            node = self._root.key_at(where)
        start = length = 0
        if node.text_column and (told["start"] > 1 or told["length"]):
            start, length = node.text_column + told["start"] - 1, told["length"] or 1
        return node.mistake(
            Code(told["code"]),
            told["message"],
            hint=told["hint"],
            start=start,
            length=length,
            path=written_way((*self._way, *where)),
        )

    def _unknown(self, where: Way) -> Mistake:
        name = str(where[-1])
        known = keys_of(_section(self._model, where[:-1]))
        near = meant_by(name, known)
        hint = _belongs(name) if len(where) == 1 else ""
        hint = hint or (f"did you mean {near}?" if near else f"the keys here are: {', '.join(sorted(known))}")
        return self._at(Code.UNKNOWN_KEY, f"the key {shown(name)} is not known here", where, None, hint)

    def _missing(self, where: Way) -> Mistake:
        place = self._anchor if len(where) == 1 else self._root.key_at(where[:-1])
        message = f"the key {where[-1]} is missing"
        return self._at(
            Code.MISSING_KEY, message, where, place, f"add {where[-1]}: shop.tasks:nightly_report"
        )

    def _wrong_type(self, where: Way, node: Node, wanted: str) -> Mistake:
        name = written_way(where) or written_way(self._way) or "the file"
        place = (self._root.key_at(where) if where else self._anchor) if node.value is None else node
        message = f"{name} must be {wanted}, not {named(node)}"
        return self._at(Code.TYPE, message, where, place, self._mend(where, node, wanted))

    def _mend(self, where: Way, node: Node, wanted: str) -> str:
        last = (*self._way, *where)[-1] if (*self._way, *where) else ""
        if wanted == "true or false" and isinstance(node.value, str):
            word = node.value.lower()
            return (
                f"only true and false are booleans: write {_YES_NO.get(word, 'true or false without quotes')}"
            )
        if wanted == "text" and isinstance(node.value, (int, float, bool)):
            return f'put it in quotes: "{node.written}"'
        if wanted == "a whole number" and isinstance(node.value, str) and node.value.isdecimal():
            return f"remove the quotes: {node.value}"
        if last in _EXAMPLES:
            return f"write {_EXAMPLES[str(last)]}"
        if not where and self._way:
            return f"write {last}: {{task: module:function, every: 5m}}"
        return "write a value, or remove the key" if node.value is None else ""

    def _at(self, code: Code, message: str, where: Way, node: Node | None, hint: str = "") -> Mistake:
        place = node or self._root.key_at(where)
        return place.mistake(code, message, hint=hint, path=written_way((*self._way, *where)))


def named(node: Node) -> str:
    """The value of `node` as a message names it: `the number 5`, `a list`."""
    if isinstance(node.value, bool):
        return node.written
    if isinstance(node.value, (int, float)):
        return f"the number {node.written}"
    if isinstance(node.value, str):
        return f"the text {shown(node.value)}"
    if isinstance(node.value, dict):
        return "a mapping"
    return "a list" if isinstance(node.value, list) else "nothing"


def meant_by(name: str, known: set[str]) -> str | None:
    """The key that was probably meant by `name`: another scheduler's word for it, or a near spelling."""
    theirs = _ELSEWHERE.get(name.lower())
    return theirs if theirs in known else closest(name, known)


def _belongs(name: str) -> str:
    """Where a key that is known elsewhere should stand; empty when it is known nowhere."""
    if name in keys_of(Defaults):
        return f"{name} belongs in a schedule, or in defaults:"
    if name in keys_of(Entry):
        return f"{name} belongs in a schedule"
    return f"{name} belongs at the top of the file" if name in keys_of(File) else ""


def keys_of(model: type[BaseModel]) -> set[str]:
    """The keys that people write in this section."""
    return {field.alias or name for name, field in model.model_fields.items()}


def _section(model: type[BaseModel], way: Way) -> type[BaseModel]:
    """The class of the section at the end of `way` below `model`."""
    for step in way:
        field = next((f for name, f in model.model_fields.items() if step == (f.alias or name)), None)
        model = next(_models_in(field.annotation), model) if field else model
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The sections that a value of this type may be or hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
