"""What does a trigger say, in words?"""

from __future__ import annotations

from onebeat.scheduler import cron_text
from onebeat.scheduler.any_of import AnyTrigger
from onebeat.scheduler.at import AtTrigger
from onebeat.scheduler.bounds import BoundedTrigger
from onebeat.scheduler.calendar import CalendarTrigger
from onebeat.scheduler.cron import CronTrigger
from onebeat.scheduler.exclusions import ExceptTrigger
from onebeat.scheduler.schedule import Trigger
from onebeat.scheduler.wall import WallTrigger

_GAP = {
    "run-after": "a time that the clocks jump over runs right after the jump",
    "skip": "a time that the clocks jump over is left out",
}
_FOLD = {
    "first": "one that they show twice runs the first time",
    "second": "one that they show twice runs the second time",
    "both": "one that they show twice runs both times",
}
_WILDCARD = "It follows the clocks: what they jump over does not exist, what they show twice runs twice."


def explain(trigger: Trigger) -> str:
    """Sentences about when it fires and, where the clocks of its zone change, what happens then."""
    rules = [one for one in _rules(trigger) if isinstance(one, WallTrigger) and one.clocks_change]
    sentences = [_says(trigger)]
    if any(rule.wildcard for rule in rules):
        sentences.append(_WILDCARD)
    fixed = next((rule for rule in rules if not rule.wildcard), None)
    if fixed is not None:
        gap, fold = _GAP[fixed.dst_gap], _FOLD[fixed.dst_fold]
        sentences.append(f"{gap[:1].upper()}{gap[1:]}; {fold}.")
    return " ".join(sentences)


def _rules(trigger: Trigger) -> list[Trigger]:
    """What is inside of limits and unions."""
    if isinstance(trigger, (BoundedTrigger, ExceptTrigger)):
        return _rules(trigger.trigger)
    if isinstance(trigger, AnyTrigger):
        return [rule for one in trigger.triggers for rule in _rules(one)]
    return [trigger]


def _says(trigger: Trigger) -> str:
    if isinstance(trigger, CronTrigger):
        either = " Day of the month or weekday: one of them is enough." if trigger.either_day else ""
        return f"{_cron(trigger)}, on the clocks of {trigger.timezone}.{either}"
    if isinstance(trigger, CalendarTrigger):
        text = trigger.rule_text()
        return f"{text[:1].upper()}{text[1:]}, on the clocks of {trigger.timezone}."
    if isinstance(trigger, AtTrigger):
        return f"Once, at {trigger.when.isoformat()}."
    if isinstance(trigger, AnyTrigger):
        return " Or: ".join(_says(one) for one in trigger.triggers)
    if isinstance(trigger, (BoundedTrigger, ExceptTrigger)):
        limit = str(trigger).removeprefix(str(trigger.trigger)).strip()
        word = "Not" if isinstance(trigger, ExceptTrigger) else "Only"
        limit = limit.removeprefix("except ") if word == "Not" else limit
        return f"{_says(trigger.trigger)} {word} {limit}." if limit else _says(trigger.trigger)
    text = str(trigger)
    return f"{text[:1].upper()}{text[1:]}."


def _cron(trigger: CronTrigger) -> str:
    from cron_descriptor import ExpressionDescriptor, FormatException, Options  # only to explain

    options = Options()
    options.use_24hour_time_format = True
    plain = cron_text.drawn(trigger.expr, trigger.key)
    try:
        text: str = ExpressionDescriptor(plain.upper(), options).get_description()
    except FormatException:  # a spelling of ours that it does not have
        return f'Cron "{plain}"'
    return text
