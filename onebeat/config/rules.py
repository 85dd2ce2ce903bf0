"""Which trigger do the keys about time stand for? Pure.

From the inside: the rule (or, with `any`, several), `start` and `end`, `except`. `jitter` delays what they
say and is a matter of the schedule.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from onebeat.config.mistakes import Code
from onebeat.config.model import CalendarSection, Entry, RuleSection
from onebeat.config.tree import Way
from onebeat.durations import format_ms
from onebeat.errors import ConfigError
from onebeat.scheduler.any_of import AnyTrigger
from onebeat.scheduler.at import AtTrigger
from onebeat.scheduler.bounds import BoundedTrigger
from onebeat.scheduler.calendar import CalendarTrigger
from onebeat.scheduler.cron import compile_cron
from onebeat.scheduler.every import EveryTrigger
from onebeat.scheduler.exclusions import ExceptTrigger
from onebeat.scheduler.manual import ManualTrigger
from onebeat.scheduler.trigger import PureTrigger

_ONE_OF = ("cron", "every", "calendar", "at")


class WrongRule(Exception):
    """What is wrong at the end of `way`, a key of the schedule or one below it."""

    def __init__(self, message: str, way: Way, code: Code, hint: str = "") -> None:
        super().__init__(message)
        self.way, self.code, self.hint = way, code, hint


@dataclass(frozen=True, slots=True)
class Clock:
    """What the rules of one schedule share: `key` is its id, which `H` draws from."""

    key: str
    timezone: str
    dst_gap: str
    dst_fold: str

    def trigger(self, entry: Entry) -> PureTrigger:
        """The trigger of `entry`, which has exactly one.

        Raises:
            WrongRule: with the way to what is wrong.
        """
        trigger = self._rule(entry)
        for key, text in (("start", entry.start), ("end", entry.end)):
            if text is not None:
                with _wrong_at((key,), Code.TIME):
                    BoundedTrigger(trigger, text, timezone=self.timezone)
        if entry.start is not None or entry.end is not None:
            with _wrong_at(("end",), Code.CONTRADICTION):
                trigger = BoundedTrigger(trigger, entry.start, entry.end, self.timezone)
        if entry.except_:
            with _wrong_at(("except",), Code.TIME):
                trigger = ExceptTrigger(trigger, entry.except_, self.timezone)
        return trigger

    def _rule(self, entry: Entry) -> PureTrigger:
        if entry.any is None:
            return ManualTrigger() if entry.manual else self._one(entry, ())
        rules = [self._one(one, ("any", number)) for number, one in enumerate(entry.any)]
        return AnyTrigger(rules)

    def _one(self, rule: Entry | RuleSection, way: Way) -> PureTrigger:
        if way:
            _check_member(rule, way)
        if rule.cron is not None:
            with _wrong_at((*way, "cron"), Code.CRON):
                return compile_cron(
                    rule.cron, self.timezone, dst_gap=self.dst_gap, dst_fold=self.dst_fold, key=self.key
                )
        if rule.calendar is not None:
            return self._calendar(rule.calendar, (*way, "calendar"))
        if rule.at is not None:
            with _wrong_at((*way, "at"), Code.TIME):
                return AtTrigger(rule.at, self.timezone)
        with _wrong_at((*way, "every"), Code.DURATION):
            return EveryTrigger((rule.every_ms or 0) / 1000, (rule.offset_ms or 0) / 1000)

    def _calendar(self, section: CalendarSection, way: Way) -> PureTrigger:
        words = section.model_dump(exclude_none=True)
        try:
            return CalendarTrigger(
                **words, timezone=self.timezone, dst_gap=self.dst_gap, dst_fold=self.dst_fold
            )
        except ConfigError as error:
            key = str(error).partition(":")[0]  # its messages begin with the key, where it is one
            raise WrongRule(str(error), (*way, key) if key in words else way, Code.VALUE) from error


def _check_member(rule: Entry | RuleSection, way: Way) -> None:
    found = [key for key in _ONE_OF if getattr(rule, "every_ms" if key == "every" else key) is not None]
    if len(found) != 1:
        said = f"{found[1]} is a second trigger beside {found[0]}" if found else "the rule has no trigger"
        hint = "give each rule its own braces" if found else f"write one of: {', '.join(_ONE_OF)}"
        raise WrongRule(said, (*way, found[1]) if found else way, Code.TRIGGER, hint)
    if rule.offset_ms is not None and rule.every_ms is None:
        message = "offset shifts the grid of every, which is not here"
        raise WrongRule(message, (*way, "offset"), Code.CONTRADICTION, "remove it")


@contextmanager
def _wrong_at(way: Way, code: Code) -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise WrongRule(str(error), way, code) from error


def rule_text(entry: Entry) -> str:
    """The trigger as people wrote it, with durations in their shortest spelling."""
    if entry.any is not None:
        text = f"any of {', '.join(_one_text(one) for one in entry.any)}"
    else:
        text = "manual" if entry.manual else _one_text(entry)
    text += f" from {entry.start}" if entry.start is not None else ""
    text += f" until {entry.end}" if entry.end is not None else ""
    text += f" except {', '.join(map(_day_text, entry.except_))}" if entry.except_ else ""
    return f"{text} jitter {format_ms(entry.jitter_ms)}" if entry.jitter_ms else text


def _one_text(rule: Entry | RuleSection) -> str:
    if rule.cron is not None:
        return f'cron "{rule.cron}"'
    if rule.calendar is not None:
        return CalendarTrigger(**rule.calendar.model_dump(exclude_none=True)).rule_text()
    if rule.every_ms is not None:
        offset = f" offset {format_ms(rule.offset_ms)}" if rule.offset_ms else ""
        return f"every {format_ms(rule.every_ms)}{offset}"
    return f"at {rule.at}"


def _day_text(day: object) -> str:
    if not isinstance(day, dict):
        return str(day)
    return f"holidays of {'-'.join(str(word) for word in day.values())}"
