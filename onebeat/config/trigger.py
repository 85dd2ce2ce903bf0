"""When does an entry fire, and which of its keys about time contradict each other? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from onebeat.config.complaints import keys_of, meant_by
from onebeat.config.mistakes import Code, Mistake
from onebeat.config.model import TRIGGERS, Entry
from onebeat.config.place import Place
from onebeat.config.rules import Clock, WrongRule
from onebeat.durations import format_ms
from onebeat.scheduler.schedule import Schedule, Trigger

_ATTRIBUTES = {"except": "except_"}
_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)


def trigger_mistakes(place: Place) -> Iterator[Mistake]:
    """No trigger, two triggers, an empty one; needs only the keys, so it is told with the other mistakes."""
    written = place.full.value
    found = [key for key in written if key in TRIGGERS]  # in the order of the file
    empty = [key for key in found if written[key].value is None]
    for key in empty:
        if not written[key].spoiled:
            yield place.mistake(Code.TYPE, f"{key} has no value", (key,), "write a value, or remove the key")
    known = keys_of(Entry)
    misspelt = any(meant_by(key, known) in TRIGGERS for key in written if key not in known)
    if not found and not misspelt:
        hint = "add one of: cron, every, calendar, at, any, or manual: true"
        yield place.mistake(Code.TRIGGER, "the schedule has no trigger", (), hint)
    for key in found[1:]:
        message = f"{key} is a second trigger beside {found[0]}"
        hint = "keep one; a second rule is a second schedule"
        yield place.mistake(Code.TRIGGER, message, (key,), hint, on_key=True)
    if "offset" in written and "every" not in written:
        message = "offset shifts the grid of every, which is not here"
        yield place.mistake(Code.CONTRADICTION, message, ("offset",), "remove it", on_key=True)
    if "manual" in written:
        for key in ("start", "end", "except"):
            if key in place.node.value and place.node.value[key].value is not None:
                message = f"{key} limits when it fires, and manual never does by itself"
                yield place.mistake(Code.CONTRADICTION, message, (key,), "remove one of them", on_key=True)


def contradictions(place: Place, entry: Entry, schedule: Schedule) -> Iterator[Mistake]:
    """Limits that cannot both be meant; `schedule` is the entry with the file's defaults."""
    if entry.every_ms and entry.offset_ms is not None and entry.offset_ms >= entry.every_ms:
        message = f"an offset of {format_ms(entry.offset_ms)} is not shorter than the period"
        rest_ms = entry.offset_ms % entry.every_ms
        yield place.mistake(Code.CONTRADICTION, message, ("offset",), f"write {format_ms(rest_ms)}, the same")
    if entry.jitter_ms and schedule.expires_ms is not None and entry.jitter_ms >= schedule.expires_ms:
        jitter, expires = format_ms(entry.jitter_ms), format_ms(schedule.expires_ms)
        message = f"a fire that jitter delays by up to {jitter} may be late for expires, {expires}"
        yield place.mistake(Code.CONTRADICTION, message, ("jitter",), "lower jitter, or raise expires")
    soft_ms, hard_ms = schedule.timeout_ms, schedule.hard_timeout_ms
    if soft_ms and hard_ms and hard_ms <= soft_ms:
        soft, hard = format_ms(soft_ms), format_ms(hard_ms)
        message = (
            f"a run is killed after hard_timeout, {hard}, before it is told that timeout, {soft}, is over"
        )
        yield place.mistake(
            Code.CONTRADICTION, message, ("hard_timeout",), "raise hard_timeout, or lower timeout"
        )
    rule = schedule.retries
    if rule and rule.delay_ms > rule.max_delay_ms:
        first, most = format_ms(rule.delay_ms), format_ms(rule.max_delay_ms)
        message = f"the first delay of the retries, {first}, is longer than max_delay, {most}"
        yield place.mistake(Code.CONTRADICTION, message, ("retries",), "raise max_delay, or lower delay")


def build_trigger(place: Place, entry: Entry, timezone: str) -> Trigger | Mistake:
    """The trigger of an entry that has exactly one."""
    try:
        trigger = Clock(place.id, timezone, entry.dst.gap, entry.dst.fold).trigger(entry)
    except WrongRule as wrong:
        return place.mistake(wrong.code, str(wrong), wrong.way, wrong.hint)
    limits = [key for key in ("except", "end", "start") if getattr(entry, _ATTRIBUTES.get(key, key))]
    if limits and not entry.manual and trigger.next(_LONG_AGO) is None:
        message = "it never fires: no time of its rule is left"
        return place.mistake(Code.CONTRADICTION, message, (limits[0],), "change the rule or the limit")
    return trigger
