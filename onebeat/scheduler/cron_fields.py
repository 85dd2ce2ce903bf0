"""Which sets of values does a cron expression name?

`cron_text.py` spells every element so that it has one reading. Numbers are counted here; weekdays of a month
(`mon#2`, `5L`) are read by croniter, which is too slow for every element and is the witness
of the rest in the tests. Elements recur from schedule to schedule, so each is read once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from onebeat.errors import InvalidCron
from onebeat.scheduler import cron_text
from onebeat.scheduler.cron_text import DAY, HOUR, MINUTE, MONTH, SECOND, SIX, WEEKDAY, Field
from onebeat.scheduler.cron_wall import CronRule

_NUMBERS = re.compile(r"([0-9]+)-([0-9]+)/([0-9]+)")
_ALWAYS = {where: (2 << where.high) - (1 << where.low) for where in SIX}


@dataclass(frozen=True, slots=True)
class FieldSet:
    """The values of one field: `bits`, and the days that only the calendar of a month knows."""

    bits: int = 0
    last: tuple[int, ...] = ()
    near: tuple[int, ...] = ()
    nth: tuple[tuple[int, int], ...] = ()
    starred: bool = False  # the text starts with a star, which Vixie's cron treats as "any"

    def __or__(self, other: FieldSet) -> FieldSet:
        return FieldSet(
            self.bits | other.bits, self.last + other.last, self.near + other.near, self.nth + other.nth
        )


def read_cron(text: str, key: str | None = None) -> CronRule:
    """The rule that `text` declares; `key` is what `H` draws from (the schedule's id).

    Raises:
        InvalidCron: `field` and `column` point at the mistake; also for a rule that never fires.
    """
    try:
        columns = cron_text.split(text)
        sets = {column.field: _locate(column, key) for column in columns}
        rule = _combine(sets)
        if not _exists(rule):
            at = next(column.column for column in columns if column.field is DAY)
            raise cron_text.wrong("no date has this day, month and weekday: it never fires", DAY, at)
    except InvalidCron as error:
        shown = text if len(text) <= 60 else text[:57] + "..."
        hint = " (of six fields the first is the second)" if error.field and len(text.split()) == 6 else ""
        message = f"cron {shown!a}, column {error.column}: {error}{hint}"
        raise InvalidCron(message, field=error.field, column=error.column) from None
    return rule


def _locate(column: cron_text.Column, key: str | None) -> FieldSet:
    try:
        return _read_field(column.field, column.text, key if "h" in column.text else None)
    except InvalidCron as error:
        at = column.column + error.column - 1
        raise InvalidCron(str(error), field=column.field.name, column=at) from None


@lru_cache(maxsize=8192)
def _read_field(where: Field, text: str, key: str | None) -> FieldSet:
    """The set of one field; the column of an error counts from the field's start."""
    if text == "*" or (text == "?" and where in (DAY, WEEKDAY)):
        return FieldSet(_ALWAYS[where], starred=True)
    total, at = FieldSet(), 1
    for element in text.split(","):
        if element == "*":
            raise cron_text.wrong("* already means every value: write it alone", where, at)
        try:
            total |= _read_element(where, cron_text.spell(where, element, key))
        except InvalidCron as error:
            raise cron_text.wrong(str(error), where, at) from None
        at += len(element) + 1
    return FieldSet(total.bits, total.last, total.near, total.nth, starred=text.startswith("*"))


@lru_cache(maxsize=8192)
def _read_element(where: Field, spelling: str) -> FieldSet:
    numbers = _NUMBERS.fullmatch(spelling)
    if numbers:
        first, last, step = map(int, numbers.groups())
        bits = sum(1 << number for number in range(first, last + 1, step))
        return FieldSet((bits | bits >> 7) & _ALWAYS[where] if where is WEEKDAY else bits)
    if where is DAY and spelling[0] == "l":
        return FieldSet(near=(0,)) if spelling == "lw" else FieldSet(last=(int(spelling[2:] or 0),))
    if where is DAY:
        return FieldSet(near=(int(spelling[:-1]),))
    from croniter import CroniterError, croniter  # 40 ms, and most expressions need none

    try:
        _, counted = croniter.expand(f"* * * * {spelling}")
    except CroniterError as error:  # cron_text.py lets none of these through, as far as we know
        raise cron_text.wrong(f"{spelling} is not understood: {error}", where) from error
    return FieldSet(nth=tuple((day, 0 if n == "l" else n) for day, ns in counted.items() for n in ns))


def forget() -> None:
    """Read every element anew from here on; for measurements."""
    _read_field.cache_clear()
    _read_element.cache_clear()


def _combine(sets: dict[Field, FieldSet]) -> CronRule:
    days, weekdays = sets[DAY], sets[WEEKDAY]
    return CronRule(
        seconds=sets[SECOND].bits if SECOND in sets else 1,
        minutes=sets[MINUTE].bits,
        hours=sets[HOUR].bits,
        days=days.bits,
        months=sets[MONTH].bits,
        weekdays=weekdays.bits,
        last=days.last,
        near=days.near,
        nth=weekdays.nth,
        either=not (days.starred or weekdays.starred),
        wildcard=sets[MINUTE].starred or sets[HOUR].starred,
    )


def _exists(rule: CronRule) -> bool:
    """Does any date match? Each of the 14 kinds of year is among these 28, so looking is a proof."""
    months = [month for month in range(1, 13) if rule.months >> month & 1]
    return any(rule.month_days(year, month) for year in range(2000, 2028) for month in months)
