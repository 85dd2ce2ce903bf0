"""When does an entry fire, and which of its keys about time contradict each other? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from onebeat.config.complaints import keys_of, meant_by
from onebeat.config.mistakes import Code, Mistake
from onebeat.config.model import TRIGGERS, Entry
from onebeat.config.place import Place
from onebeat.durations import format_ms
from onebeat.errors import ConfigError
from onebeat.scheduler.at import AtTrigger
from onebeat.scheduler.cron import compile_cron
from onebeat.scheduler.every import EveryTrigger
from onebeat.scheduler.manual import ManualTrigger
from onebeat.scheduler.schedule import Schedule, Trigger


def trigger_mistakes(place: Place) -> Iterator[Mistake]:
    """No trigger, two triggers, an empty one; needs only the keys, so it is told with the other mistakes."""
    written = place.full.value
    found = [key for key in written if key in TRIGGERS]  # in the order of the file
    empty = [key for key in found if key in ("cron", "every", "at", "manual") and written[key].value is None]
    for key in empty:
        if not written[key].spoiled:
            yield place.mistake(Code.TYPE, f"{key} has no value", (key,), "write a value, or remove the key")
    known = keys_of(Entry)
    misspelt = any(meant_by(key, known) in TRIGGERS for key in written if key not in known)
    if not found and not misspelt:
        hint = "add one of: cron, every, at, or manual: true"
        yield place.mistake(Code.TRIGGER, "the schedule has no trigger", (), hint)
    for key in found[1:]:
        message = f"{key} is a second trigger beside {found[0]}"
        hint = "keep one; a second rule is a second schedule"
        yield place.mistake(Code.TRIGGER, message, (key,), hint, on_key=True)
    if "offset" in written and "every" not in written:
        message = "offset shifts the grid of every, which is not here"
        yield place.mistake(Code.CONTRADICTION, message, ("offset",), "remove it", on_key=True)


def contradictions(place: Place, entry: Entry, schedule: Schedule) -> Iterator[Mistake]:
    """Limits that cannot both be meant; `schedule` is the entry with the file's defaults."""
    if entry.every_ms and entry.offset_ms is not None and entry.offset_ms >= entry.every_ms:
        message = f"an offset of {format_ms(entry.offset_ms)} is not shorter than the period"
        rest_ms = entry.offset_ms % entry.every_ms
        yield place.mistake(Code.CONTRADICTION, message, ("offset",), f"write {format_ms(rest_ms)}, the same")
    rule = schedule.retries
    if rule and rule.delay_ms > rule.max_delay_ms:
        first, most = format_ms(rule.delay_ms), format_ms(rule.max_delay_ms)
        message = f"the first delay of the retries, {first}, is longer than max_delay, {most}"
        yield place.mistake(Code.CONTRADICTION, message, ("retries",), "raise max_delay, or lower delay")


def build_trigger(place: Place, entry: Entry, timezone: str) -> Trigger | Mistake:
    """The trigger of an entry that has exactly one."""
    try:
        if entry.cron is not None:
            return compile_cron(entry.cron, timezone, key=place.id)
        if entry.every_ms is not None:
            return EveryTrigger(entry.every_ms / 1000, (entry.offset_ms or 0) / 1000)
        if entry.at is not None:
            return AtTrigger(entry.at, timezone)
        return ManualTrigger()
    except ConfigError as error:
        key = "cron" if entry.cron is not None else "every" if entry.every_ms is not None else "at"
        code = Code.TIME if key == "at" else Code(error.code)
        return place.mistake(code, str(error), (key,))


def trigger_text(entry: Entry) -> str:
    """The trigger as people wrote it, with durations in their shortest spelling."""
    if entry.cron is not None:
        return f'cron "{entry.cron}"'
    if entry.every_ms is not None:
        offset = f" offset {format_ms(entry.offset_ms)}" if entry.offset_ms else ""
        return f"every {format_ms(entry.every_ms)}{offset}"
    return f"at {entry.at}" if entry.at is not None else "manual"
