"""What can be wrong with a configuration, and how does one mistake describe itself? Pure.

`docs/reference/mistakes.md` is generated from `Code`. A code never changes its meaning: people search
for it and editors match it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum

from onebeat.errors import (
    ConfigError,
    InvalidCron,
    InvalidDuration,
    InvalidName,
    InvalidZone,
    NotYetSupported,
)

_SHOWN_MAX = 60  # characters of a value that a message repeats


class Code(StrEnum):
    """The stable code of each kind of mistake; `meaning` is its one-line explanation."""

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Code:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    CRON = InvalidCron.code, "a cron expression is wrong"
    DURATION = InvalidDuration.code, "a length of time has no unit, an unknown unit, or is out of range"
    ZONE = InvalidZone.code, "a time zone is not a name of the IANA list"
    LATER = NotYetSupported.code, "the language has this key or value, this version does not act on it"
    NAME = InvalidName.code, "a schedule id, queue or namespace has characters that its keys cannot carry"

    UNREADABLE = "OB140", "the file cannot be opened or read"
    ENCODING = "OB141", "the bytes are not UTF-8"
    CHARACTER = "OB142", "an invisible, control or text-reordering character is written literally"
    TOO_BIG = "OB143", "the file is larger, deeper or expands further than any honest configuration"
    SYNTAX = "OB144", "the text is not YAML"
    DOCUMENTS = "OB145", "the file holds no document, or more than one"
    FEATURE = "OB146", "tags, merge keys, recursion and other YAML versions are not part of the language"
    DUPLICATE_KEY = "OB147", "one mapping has the same key twice"
    KEY = "OB148", "a key is not text"
    NUMBER = "OB149", "a number is not finite or does not fit 64 bits"

    UNKNOWN_KEY = "OB150", "no key of this name exists here"
    MISSING_KEY = "OB151", "a required key is absent"
    TYPE = "OB152", "a value has another type than its key wants"
    VALUE = "OB153", "a value is none of those that its key allows"
    TRIGGER = "OB154", "a schedule has no trigger, or more than one"
    TIME = "OB155", "a date and time does not exist or is not written as ISO 8601"
    TEMPLATE = "OB156", "a lock key's template cannot be filled in"
    CONTRADICTION = "OB157", "two keys cannot both be meant"
    DUPLICATE_ID = "OB158", "two files declare the same schedule id, or the same setting differently"

    PROFILE = "OB160", "a schedule extends a profile that does not exist, or a profile extends itself"
    VARIABLE = "OB161", "a variable of the environment is not set, or ${ names none"
    INCLUDE = "OB162", "an include is no pattern of YAML files beside this one, or names too many"
    MATRIX = "OB163", "a matrix is not names with lists of values, or makes too many schedules"
    BLANK = "OB164", "a {{ blank }} has a name that nothing fills in there"

    SAME_MINUTE = "OB190", "many schedules fire at the same moment"
    LONG_TIMEOUT = "OB191", "a run may last longer than the period of its schedule"
    EITHER_DAY = "OB192", "day-of-month and day-of-week are both given, so either one fires"
    SECRET = "OB193", "a value looks like a password or key written into the file"
    TWICE = "OB194", "the clocks show this wall time twice"
    TASK = "OB195", "no module that can be imported here registers a task of this name"
    NO_FILES = "OB196", "a pattern under include matches no file"
    NEVER = "OB197", "a schedule that is not manual will not fire any more"
    GAP = "OB198", "the clocks jump over a time of the schedule"
    FOLD = "OB199", "the clocks show a time of the schedule twice"

    @property
    def severity(self) -> str:
        """`warning` for what is allowed but rarely meant, else `error`."""
        return "warning" if self >= Code.SAME_MINUTE else "error"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong at one place.

    `line` and `column` count from 1 (in characters); `length` is the width of the bad part; `path` is
    the way through the keys (`schedules.nightly.cron`); `source` is the line of the file, without
    credentials; `hint` says how to mend it when the message does not.
    """

    code: Code
    message: str
    file: str
    line: int = 1
    column: int = 1
    hint: str = ""
    length: int = 1
    path: str = ""
    source: str = field(default="", compare=False)


class ConfigMistakes(ConfigError):
    """One or more files cannot be meant as written; `mistakes` lists everything found in them."""

    code = "OB101"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        from onebeat.config.render import as_text

        super().__init__(as_text(mistakes))
        self.mistakes = tuple(mistakes)


def shown(value: str) -> str:
    """`value` as a message repeats it: quoted, escaped, cut."""
    cut = value if len(value) <= _SHOWN_MAX else value[: _SHOWN_MAX - 1] + "…"
    return repr(cut)


def closest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that was probably meant by `word`; None when nothing is near."""
    names = list(known)
    plain = {name.lower().replace("-", "_"): name for name in names}
    near = get_close_matches(word[:_SHOWN_MAX].lower().replace("-", "_"), plain, n=1, cutoff=0.6)
    return plain[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The hint for a misspelt `word`: the closest of `known`, or all of them."""
    names = sorted(known)
    near = closest(word, names)
    return f"did you mean {near}?" if near else f"write one of: {', '.join(names)}"
