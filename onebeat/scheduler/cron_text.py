"""What may the text of a cron expression say, and where is it wrong? Pure.

croniter reads almost anything: `5-5` as every minute, wrapped ranges, foreign digits. So every element
is checked here first, and spelled so that it has one reading. The rules that are ours:

- five fields, or six with seconds first; `@hourly` … `@yearly`; ASCII; at most 256 characters
- a range runs forwards (`sat-sun` does: as an end, Sunday is 7), a step reaches at least one more value
- `H` is a number drawn from the key, for each field on its own, days from 1 to 28: `H H` uses all 1 440
  minutes of a day, and `H` in a month never misses one
- `R` (a new draw at each start) and years are refused
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from hashlib import blake2b
from typing import NamedTuple

from onebeat.errors import InvalidCron

LENGTH_MAX = 256
ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One column of an expression: its values go from `low` to `high`, `H` draws up to `hash_high`."""

    name: str
    low: int
    high: int
    hash_high: int
    names: Mapping[str, int] = field(default_factory=dict)
    written_high: int = 0  # 7 is Sunday too

    @property
    def span(self) -> str:
        names = list(self.names)
        named = f", or {names[0]} to {names[-1]}" if names else ""
        return f"{self.name} goes from {self.low} to {self.written_high or self.high}{named}"


SECOND = Field("second", 0, 59, 59)
MINUTE = Field("minute", 0, 59, 59)
HOUR = Field("hour", 0, 23, 23)
DAY = Field("day-of-month", 1, 31, 28)
MONTH = Field("month", 1, 12, 12, {name: n for n, name in enumerate(_MONTHS, 1)})
WEEKDAY = Field("day-of-week", 0, 6, 6, {name: n for n, name in enumerate(_WEEKDAYS)}, written_high=7)
FIVE = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)
SIX = (SECOND, *FIVE)

_ODD = re.compile(r"[^\t -~]")
_COMMAND = re.compile(r"^/[a-z]|[^0-9a-z*,/#?()-]")
_WORD = re.compile(r"[^\t ]+")
_DIGITS = re.compile(r"[0-9]+")
_HASHED = re.compile(r"h(?:\(([0-9]{1,2})-([0-9]{1,2})\))?(?:/([0-9]{1,3}))?")
_RANDOM = re.compile(r"r(?:\(.*\))?(?:/.*)?")
_DAY_SPECIAL = re.compile(r"l|l-[0-9]{1,2}|lw|[0-9]{1,2}w|w[0-9]{1,2}")
_WEEKDAY_SPECIAL = re.compile(r"(?:([0-9a-z]+)l|l([0-9a-z]+)|([0-9a-z]+)#([0-9]+))")


class Column(NamedTuple):
    """A field's text and the 1-based column at which it starts."""

    field: Field
    text: str
    column: int


def wrong(message: str, where: Field | None = None, column: int = 1) -> InvalidCron:
    return InvalidCron(message, field=where.name if where else None, column=column)


def split(text: str) -> tuple[Column, ...]:
    """The fields of an expression, in lower case, aliases written out.

    Raises:
        InvalidCron: wrong characters, wrong number of fields, unknown alias.
    """
    if len(text) > LENGTH_MAX:
        raise wrong(f"it has {len(text)} characters; {LENGTH_MAX} are allowed: split the schedule")
    odd = _ODD.search(text)
    if odd:
        raise wrong(f"character {odd[0]!a} is not part of cron: write plain ASCII", column=odd.start() + 1)
    words = [(match[0], match.start() + 1) for match in _WORD.finditer(text.lower())]
    if not words:
        raise wrong("the expression is empty: write five fields, such as 0 2 * * *")
    if words[0][0].startswith("@"):
        return _alias(text.strip(), words)
    for word, column in words[5:]:
        if word.startswith("#"):
            raise wrong("a comment is not part of cron: leave it out", column=column)
        if _COMMAND.search(word):
            raise wrong(f"{word} looks like a command: leave it out, task: names what runs", column=column)
    if len(words) not in (5, 6):
        raise _wrong_count(words)
    fields = FIVE if len(words) == 5 else SIX
    return tuple(Column(where, word, column) for where, (word, column) in zip(fields, words, strict=True))


def _alias(text: str, words: list[tuple[str, int]]) -> tuple[Column, ...]:
    name, column = words[0]
    if len(words) == 1 and name in ALIASES:
        meaning = zip(FIVE, ALIASES[name].split(), strict=True)
        return tuple(Column(where, word, column) for where, word in meaning)
    if name == "@every":
        raise wrong(f"{text} is not cron: write every: 5m instead of cron", column=column)
    if name == "@reboot":
        raise wrong("@reboot has no meaning here: a schedule does not know about machines", column=column)
    close = get_close_matches(name, ALIASES, n=1, cutoff=0.5)
    mend = f"did you mean {close[0]}?" if close else f"the aliases are {' '.join(ALIASES)}"
    raise wrong(f"{text} is no alias: {mend}", column=column)


def _wrong_count(words: list[tuple[str, int]]) -> InvalidCron:
    mend = "write minute hour day-of-month month day-of-week (six fields: seconds first)"
    if len(words) == 7:
        return wrong("seven fields: there is no year; write start: and end: instead", column=words[6][1])
    column = words[5][1] if len(words) > 5 else words[-1][1]
    return wrong(f"found {len(words)} {'field' if len(words) == 1 else 'fields'}: {mend}", column=column)


def drawn(text: str, key: str | None) -> str:
    """The expression with its aliases written out and its hashed numbers drawn, to be shown to people."""
    words = []
    for where, column, _ in split(text):
        elements = []
        for element in column.split(","):
            hashed = _HASHED.fullmatch(element)
            number, _, step = (_drawn(where, element, hashed, key) if hashed else element).partition("/")
            first, dash, last = number.partition("-")
            single = hashed and dash and first == last
            elements.append(first if single else f"{number}/{step}" if step else number)
        words.append(",".join(elements))
    return " ".join(words)


def spell(where: Field, element: str, key: str | None) -> str:
    """`element` with one reading: numbers as `first-last/step`, Quartz's `5l` as croniter's `l5`.

    Hashed numbers are drawn, names are numbers; a weekday may end at 7, the second Sunday.

    Raises:
        InvalidCron: with a message that says how to mend it; the caller knows the column.
    """
    if not element:
        raise wrong("an element is missing: remove the extra comma", where)
    if element == "?":
        raise wrong("? stands alone, and only for the day-of-month or the day-of-week: write *", where)
    if _RANDOM.fullmatch(element):
        raise wrong(f"{element.upper()} would draw again at every start: write H, which stays", where)
    hashed = _HASHED.fullmatch(element)
    if hashed:
        return _drawn(where, element, hashed, key)
    if where is DAY and _DAY_SPECIAL.fullmatch(element):
        return _day_special(element)
    special = _WEEKDAY_SPECIAL.fullmatch(element) if where is WEEKDAY else None
    if special and element not in where.names:
        return _weekday_special(element, special)
    return _plain(where, element)


def _plain(where: Field, element: str) -> str:
    body, slash, step = element.partition("/")
    if not body:
        raise wrong(f"{element} has nothing before the slash: write */{step or 5}", where)
    start, dash, end = body.partition("-")
    if body == "*":
        low, high = where.low, where.high
    elif dash:
        low, high = _value(where, start, element), _value(where, end, element)
        if end == "sun" and start != "sun":
            high = 7
        if low > high:
            raise _backwards(where, start, end)
    else:
        low = _value(where, body, element)
        high = where.high if slash else low
    if slash:
        first = str(where.low) if body == "*" else start
        _check_step(where, element, step, reach=high - low, instead=first)
    return f"{low}-{high}/{step or 1}"


def _check_step(where: Field, element: str, step: str, *, reach: int, instead: str) -> None:
    if not _DIGITS.fullmatch(step):
        raise wrong(f"{element} has no step: write a number after the slash, such as */5", where)
    if int(step) == 0:
        raise wrong(f"{element}: a step of 0 never moves on: write a step of at least 1", where)
    if int(step) > reach:
        raise wrong(f"{element} means only {instead} ({where.span}): write {instead}", where)


def _value(where: Field, text: str, element: str) -> int:
    if text in where.names:
        return where.names[text]
    if _DIGITS.fullmatch(text) and len(text) <= LENGTH_MAX:
        if where.low <= int(text) <= (where.written_high or where.high):
            return int(text)
        raise wrong(f"{text} is out of range: {where.span}", where)
    if not text:
        raise wrong(f"{element} is half a range: write both ends, such as 1-5", where)
    if text == "*":
        raise wrong(f"{element}: * is no end of a range; write numbers", where)
    if text == "l":
        raise wrong("L is the last day of a month; in the day-of-week write 5L for the last Friday", where)
    close = get_close_matches(text, where.names, n=1, cutoff=0.5)
    if close:
        raise wrong(f"{text} is not a {where.name}: did you mean {close[0]}?", where)
    raise wrong(f"{text} is not a {where.name}: {where.span}", where)


def _backwards(where: Field, start: str, end: str) -> InvalidCron:
    ordered = list(where.names)
    named = bool(ordered) and not start.isdigit()
    first, last = (ordered[0], ordered[-1]) if named else (str(where.low), str(where.high))
    left = [] if start == "7" else [start if start == last else f"{start}-{last}"]
    right = end if end == first else f"{first}-{end}"
    return wrong(f"{start}-{end} runs backwards: write {','.join([*left, right])}", where)


def _drawn(where: Field, element: str, hashed: re.Match[str], key: str | None) -> str:
    if key is None:
        raise wrong("H spreads by the schedule's name, and there is none: give key=", where)
    low, high = (int(hashed[1]), int(hashed[2])) if hashed[1] else (where.low, where.hash_high)
    if not where.low <= low < high <= where.high:
        raise wrong(f"{element.upper()}: {where.span}, the smaller end first", where)
    step = int(hashed[3]) if hashed[3] else None
    if step is not None:
        shown = element.upper()
        _check_step(where, shown, hashed[3], reach=high - low, instead=shown.partition("/")[0])
    draw = int.from_bytes(blake2b(f"{where.name}\0{key}".encode(), digest_size=8).digest(), "big")
    start = low + draw % (step or high - low + 1)
    return f"{start}-{high}/{step}" if step else f"{start}-{start}/1"


def _day_special(element: str) -> str:
    number = _DIGITS.search(element)
    if number and "-" in element and not 1 <= int(number[0]) <= 30:
        raise wrong(f"{element.upper()} is before the month's first day: write L-1 to L-30", DAY)
    if number and "w" in element:
        return f"{_value(DAY, number[0], element)}w"
    return element


def _weekday_special(element: str, special: re.Match[str]) -> str:
    last_of, of_last, nth_of, nth = special.groups()
    value = _value(WEEKDAY, last_of or of_last or nth_of, element) % 7
    if nth is None:
        return f"l{value}"
    if not 1 <= int(nth) <= 5:
        raise wrong(f"{element}: write #1 to #5, or {nth_of}L for the last one of the month", WEEKDAY)
    return f"{value}#{int(nth)}"
