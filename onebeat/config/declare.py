"""Which schedule do the arguments of a program declare, or what is wrong with them? Pure.

The arguments are written as a file would say them and read like one: one model, one list of mistakes,
each with the name of its argument. `defaults:` and `profiles:` of files are not laid under them, so a
schedule means the same whichever files a beat has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, TypedDict

from pydantic import ValidationError

from onebeat.config.build import build_schedule
from onebeat.config.layers import OF_TRIGGERS
from onebeat.config.mistakes import Code, ConfigMistakes, Mistake
from onebeat.config.model import TRIGGERS, Entry
from onebeat.config.page import ODD
from onebeat.config.reading import read
from onebeat.config.rules import Clock, WrongRule
from onebeat.durations import format_ms
from onebeat.errors import ConfigError
from onebeat.scheduler.schedule import Schedule

_OF_FILES = ("extends", "matrix", "formerly")
_ONE_MS = timedelta(milliseconds=1)
_DEPTH = 20


class Keys(TypedDict, total=False):
    """The keys of a schedule besides its task, as `config.model.Entry` has them (`except_` is `except`)."""

    cron: str | None
    every: str | timedelta | None
    offset: str | timedelta | None
    calendar: Mapping[str, Any] | None
    at: str | datetime | None
    any: Sequence[Mapping[str, Any]] | None
    manual: bool | None
    timezone: str | None
    dst: Mapping[str, str] | None
    jitter: str | timedelta | None
    start: str | datetime | None
    end: str | datetime | None
    limit: int | None
    except_: Sequence[Any] | None
    args: Sequence[Any] | None
    kwargs: Mapping[str, Any] | None
    queue: str | None
    priority: int | None
    overlap: str | None
    catch_up: Mapping[str, Any] | None
    expires: str | timedelta | None
    timeout: str | timedelta | None
    hard_timeout: str | timedelta | None
    pause_after: int | None
    retries: Mapping[str, Any] | None
    singleton: Mapping[str, Any] | None
    owner: str | None
    tags: Sequence[str] | None
    enabled: bool | None


def spelled(keys: Keys, task: object = None) -> dict[str, Any]:
    """The keys as a file spells them, with the task: its name, or the task itself."""
    named = {name.removesuffix("_"): value for name, value in keys.items()}
    return named if task is None else {"task": getattr(task, "name", task), **named}


def declared(id_: str, keys: Mapping[str, Any], origin: str) -> tuple[Schedule, str]:
    """The schedule `id_` with these keys of a file's schedule, and its text, the same for equal keys.

    A key that is None is not there. Times may be datetimes and durations timedeltas; `origin` is what
    the keys are arguments of, for the mistakes.

    Raises:
        ConfigMistakes: lists everything that is wrong. ConfigError: a value that no file could say.
    """
    if not isinstance(id_, str):
        raise ConfigError(f"{origin}: id must be text, not {id_!r}")
    said = {key: _plain(value, key, origin) for key, value in keys.items() if value is not None}
    for key in _OF_FILES:
        if key in said:
            message = f"{key} is for files: a program says the schedule itself"
            raise ConfigMistakes([Mistake(Code.UNKNOWN_KEY, message, origin, path=f"schedules.{id_}.{key}")])
    escaped = json.dumps({"schedules": {id_: _without_forms(said)}}, indent=2, ensure_ascii=False)
    reading = read(ODD.sub(lambda odd: f"\\U{ord(odd[0]):08x}", escaped).encode(), origin)
    if reading.mistakes:
        raise ConfigMistakes(reading.mistakes)
    return reading.schedules[0][1], text_of(said)


def restored(id_: str, text: str) -> Schedule:
    """The schedule of a text that `declared` made, perhaps in another release.

    Raises:
        ConfigError: this release does not understand it.
    """
    said = keys_of(text)
    try:
        entry = Entry.model_validate(said, context={"id": id_})
        trigger = Clock(id_, entry.timezone, entry.dst.gap, entry.dst.fold).trigger(entry)
    except (ValidationError, WrongRule):
        return declared(id_, said, f"schedule {id_}")[0]  # which says what is wrong
    return build_schedule(id_, entry, trigger, entry.timezone)


def changed(text: str, changes: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """The keys of `text` with others in their place; None takes a key away, a trigger replaces a trigger."""
    kept = keys_of(text)
    if any(changes.get(key) is not None for key in TRIGGERS):
        kept = {key: value for key, value in kept.items() if key not in OF_TRIGGERS}
    kept |= {key: None if value is None else _plain(value, key, origin) for key, value in changes.items()}
    return {key: value for key, value in kept.items() if value is not None}


def keys_of(text: str) -> dict[str, Any]:
    """What `declared` wrote down.

    Raises:
        ConfigError: it is something else.
    """
    try:
        said = json.loads(text)
    except ValueError as problem:
        raise ConfigError(f"the stored schedule is no JSON ({problem}): delete it and create it") from None
    if not isinstance(said, dict):
        raise ConfigError("the stored schedule is no JSON object: delete it and create it")
    return said


def text_of(keys: Mapping[str, Any]) -> str:
    """The same text for equal keys."""
    return json.dumps(keys, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any, key: str, origin: str, depth: int = 0) -> Any:
    """`value` as JSON has it."""
    if depth > _DEPTH:
        raise ConfigError(f"{origin}: {key} is nested deeper than {_DEPTH} levels")
    if isinstance(value, (bool, int, str)) or value is None:
        return value
    if isinstance(value, float) and value - value == 0:
        return value
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return format_ms(value // _ONE_MS)
    if isinstance(value, Mapping):
        odd = [name for name in value if not isinstance(name, str)]
        if odd:
            raise ConfigError(f"{origin}: {key} has the key {odd[0]!r}: the keys of mappings are text")
        return {name: _plain(one, key, origin, depth + 1) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_plain(one, key, origin, depth + 1) for one in value]
    kind = type(value).__name__
    raise ConfigError(
        f"{origin}: {key} holds {value!r:.60}, a {kind}: use text, numbers, true, false, lists and mappings"
    )


def _without_forms(value: Any) -> Any:
    """`value` so that reading it fills nothing in: a `$` of a program is a dollar."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {name: _without_forms(one) for name, one in value.items()}
    return [_without_forms(one) for one in value] if isinstance(value, list) else value
