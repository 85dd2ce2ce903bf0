"""What may a single value say? Pure.

Each type checks one value by itself, so that pydantic can report every wrong value of a file at once;
`cross.py` checks what two keys say together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from string import Formatter
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError, PydanticKnownError

from onebeat import keys
from onebeat.config.mistakes import Code, did_you_mean, shown
from onebeat.durations import parse_ms
from onebeat.errors import ConfigError, InvalidName
from onebeat.scheduler.at import AtTrigger
from onebeat.scheduler.cron import compile_cron
from onebeat.scheduler.cron_zone import FOLDS, GAPS
from onebeat.scheduler.days_off import days_off
from onebeat.scheduler.moments import first_moment
from onebeat.scheduler.schedule import Overlap
from onebeat.scheduler.zones import load_zone
from onebeat.wire.urls import HINT, parse, without_secret

_TASK = re.compile(r"[A-Za-z_]\w*(?:[.-]\w+)*(?::[A-Za-z_]\w*(?:\.\w+)*)?", re.ASCII)
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_DURATION_PATTERN = r"^\s*([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+\s*$"
_MAX_NAME = 255


def complaint(
    code: Code, message: str, hint: str = "", *, start: int = 1, length: int = 0, on_key: bool = False
) -> PydanticCustomError:
    """A mistake as pydantic carries it; `start` and `length` count characters within the value's text.

    `on_key`: it is about the key itself, whatever its value says.
    """
    told = {"code": code.value, "message": message, "hint": hint}
    return PydanticCustomError(
        "onebeat", "{message}", {**told, "start": start, "length": length, "on_key": on_key}
    )


def complaint_of(error: ConfigError, text: str, code: Code | None = None) -> PydanticCustomError:
    """What another room says about `text`; a bad cron field is underlined to its end."""
    start = max(1, getattr(error, "column", 1))
    field = re.match(r"\S*", text[start - 1 :]) if hasattr(error, "column") else None
    return complaint(code or Code(error.code), str(error), start=start, length=len(field[0]) if field else 0)


def _duration(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise PydanticKnownError("string_type")
    try:
        return parse_ms(str(value))
    except ConfigError as error:
        raise complaint_of(error, str(value)) from None


def _some_duration(value: Any) -> int:
    # a bare 0 would be told to become 0s, which is no mend here
    if (value == 0 and value is not False) or _duration(value) == 0:
        raise complaint(
            Code.DURATION, "it must be longer than 0", "write a duration such as 5m, or remove the key"
        )
    return _duration(value)


def _cron(text: str, info: ValidationInfo) -> str:
    try:
        compile_cron(text, key=(info.context or {}).get("id", ""))
    except ConfigError as error:
        raise complaint_of(error, text) from None
    return text


def _at(text: str) -> str:
    try:
        AtTrigger(text)
    except ConfigError as error:
        raise complaint_of(error, text, Code.TIME) from None
    return text


def _bound(text: str) -> str:
    try:
        first_moment(text, load_zone("UTC"))
    except ConfigError as error:
        raise complaint_of(error, text, Code.TIME) from None
    return text


def _day_off(value: Any) -> Any:
    try:
        days_off([value])
    except ConfigError as error:
        raise complaint(Code.TIME, str(error)) from None
    return value


def _day_of_calendar(value: Any) -> list[int | str]:
    days = value if isinstance(value, list) else [value]
    if not all(isinstance(day, (int, str)) and not isinstance(day, bool) for day in days):
        message = "day is a day, or a list of days"
        raise complaint(Code.TYPE, message, "write day: mon, day: 15, day: last, or day: [1, 15]")
    return days


def _times_of_day(value: Any) -> list[str]:
    times = value if isinstance(value, list) else [value]
    if not all(isinstance(time, str) for time in times):
        raise complaint(Code.TYPE, "at is a time of day, or a list of times", 'write at: "18:00"')
    return times


def _zone(name: str) -> str:
    try:
        load_zone(name)
    except ConfigError as error:
        raise complaint_of(error, name) from None
    return name


def _task(name: str) -> str:
    if len(name) > _MAX_NAME or not _TASK.fullmatch(name):
        message = f"{shown(name)} is not the name of a task"
        raise complaint(Code.VALUE, message, "write module:function, such as shop.tasks:nightly_report")
    return name


def _module(name: str) -> str:
    if len(name) > _MAX_NAME or not _MODULE.fullmatch(name):
        message = f"{shown(name)} is not the name of a Python module"
        raise complaint(Code.VALUE, message, "write it as in an import statement: shop.tasks")
    return name


def _named(kind: str) -> Callable[[str], str]:
    def check(name: str) -> str:
        try:
            return keys.checked(kind, name)
        except InvalidName as error:
            raise complaint(Code.NAME, str(error)) from None

    return check


def _lock_key(template: str) -> str:
    try:
        names = [
            (name, spec, turn) for _, name, spec, turn in Formatter().parse(template) if name is not None
        ]
    except ValueError as error:
        raise complaint(Code.TEMPLATE, f"{error}", 'write "report:{currency}", or {{ for a brace') from None
    for name, spec, turn in names:
        if not name.isidentifier() or spec or turn:
            message = f"{{{name}}} is not the plain name of an argument"
            raise complaint(
                Code.TEMPLATE, message, "write the name of an argument of the task, such as {currency}"
            )
    if not 1 <= len(template) <= _MAX_NAME:
        raise complaint(
            Code.TEMPLATE, f"a lock key has 1 to {_MAX_NAME} characters", "shorten it, or remove the key"
        )
    return template


def _one_of(*words: str, later: tuple[str, ...] = ()) -> Callable[[str], str]:
    def check(word: str) -> str:
        if word in words:
            return word
        if word in later:
            raise complaint(Code.LATER, f"{word} is not yet supported", f"write one of: {', '.join(words)}")
        raise complaint(
            Code.VALUE, f"{shown(word)} is not a choice here", did_you_mean(word, (*words, *later))
        )

    return check


def _choices(*words: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(words)})


def _pattern(pattern: re.Pattern[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern.pattern}$", "maxLength": _MAX_NAME})


def _refuse(value: Any, info: ValidationInfo) -> Any:
    name = (info.field_name or "").rstrip("_")
    hint = "remove it; this version could only ignore it"
    raise complaint(Code.LATER, f"{name} is not yet supported", hint, on_key=True)


def _only_true(value: Any) -> bool:
    if value is not True:
        raise complaint(Code.VALUE, "manual can only be true", "write manual: true, or another trigger")
    return True


def _store_url(url: str) -> str:
    try:
        parse(url)
    except ConfigError:
        raise complaint(Code.VALUE, f"{shown(without_secret(url))} is not a store URL", HINT) from None
    return url


def _database_url(url: str) -> str:
    if not re.match(r"[a-z][a-z0-9+]*://", url):
        hint = "write sqlite:///path/to/file.db or postgresql+psycopg://host/name"
        raise complaint(Code.VALUE, f"{shown(without_secret(url))} is not a database URL", hint)
    return url


def _profile_name(name: str) -> str:
    if not keys.SCHEDULE_ID.fullmatch(name):
        message = f"{shown(name)} is not the name of a profile"
        hint = "it has 1 to 64 of a-z 0-9 _ . -, and starts with a letter or digit"
        raise complaint(Code.NAME, message, hint, on_key=True)
    return name


def _schedule_id(name: str) -> str:
    if not keys.SCHEDULE_ID.fullmatch(name):
        hint = "an id has 1 to 64 of a-z 0-9 _ . -, and starts with a letter or digit"
        raise complaint(Code.NAME, f"{shown(name)} is not a schedule id", hint)
    return name


def _names(value: Any) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        message = "extends names one profile, or a list of them"
        raise complaint(Code.TYPE, message, "write extends: heavy, or extends: [heavy, nightly]")
    return names


def _version(number: int) -> int:
    if number != 1:
        raise complaint(Code.VALUE, f"version {number} is not known", "write version: 1")
    return number


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": _DURATION_PATTERN})
DurationMs = Annotated[int, BeforeValidator(_duration), _DURATION_SCHEMA]
SomeDurationMs = Annotated[int, BeforeValidator(_some_duration), _DURATION_SCHEMA]
CronText = Annotated[str, AfterValidator(_cron)]
BoundText = Annotated[str, AfterValidator(_bound)]
_WORDS = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "array"}]})
DayOff = Annotated[
    Any, BeforeValidator(_day_off), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]})
]
CalendarDays = Annotated[list[int | str], BeforeValidator(_day_of_calendar), _WORDS]
TimesOfDay = Annotated[list[str], BeforeValidator(_times_of_day), _WORDS]
AtText = Annotated[str, AfterValidator(_at)]
ZoneName = Annotated[str, AfterValidator(_zone)]
TaskName = Annotated[str, AfterValidator(_task), _pattern(_TASK)]
ModuleName = Annotated[str, AfterValidator(_module), _pattern(_MODULE)]
QueueName = Annotated[str, AfterValidator(_named("queue"))]
Namespace = Annotated[str, AfterValidator(_named("namespace"))]
StoreUrl = Annotated[str, AfterValidator(_store_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
LockKey = Annotated[str, AfterValidator(_lock_key)]
OnlyTrue = Annotated[bool, BeforeValidator(_only_true), WithJsonSchema({"const": True})]
Version = Annotated[int, AfterValidator(_version), WithJsonSchema({"const": 1})]
ProfileName = Annotated[str, AfterValidator(_profile_name)]
ScheduleId = Annotated[str, AfterValidator(_schedule_id)]
Names = Annotated[
    list[str],
    BeforeValidator(_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Later = Annotated[
    Any, BeforeValidator(_refuse), WithJsonSchema({"not": {}, "description": "not yet supported"})
]

_OVERLAP = tuple(Overlap)
OverlapWord = Annotated[str, AfterValidator(_one_of(*_OVERLAP)), _choices(*_OVERLAP)]
_ON_CONFLICT = ("skip", "wait", "fail", "park", "replace")
OnConflictWord = Annotated[str, AfterValidator(_one_of(*_ON_CONFLICT)), _choices(*_ON_CONFLICT)]
_KEEP = ("all", "last")
KeepWord = Annotated[str, AfterValidator(_one_of(*_KEEP)), _choices(*_KEEP)]
_SCOPE = ("run", "queued")
ScopeWord = Annotated[str, AfterValidator(_one_of(*_SCOPE)), _choices(*_SCOPE)]
_CATCH_UP = ("latest", "all", "none")
CatchUpWord = Annotated[str, AfterValidator(_one_of(*_CATCH_UP)), _choices(*_CATCH_UP)]
_BACKOFF = ("exponential", "constant")
BackoffWord = Annotated[str, AfterValidator(_one_of(*_BACKOFF)), _choices(*_BACKOFF)]
GapWord = Annotated[str, AfterValidator(_one_of(*GAPS)), _choices(*GAPS)]
FoldWord = Annotated[str, AfterValidator(_one_of(*FOLDS)), _choices(*FOLDS)]
