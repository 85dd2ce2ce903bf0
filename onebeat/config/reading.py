"""What does one file declare, and what is wrong with it? Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from onebeat.config.blanks import blanks_outside, misplaced_blanks
from onebeat.config.build import build_schedule
from onebeat.config.cautions import cautions, secrets_below
from onebeat.config.complaints import Complaints, named
from onebeat.config.environment import fill
from onebeat.config.layers import Ground
from onebeat.config.matrix import axes_of, combinations
from onebeat.config.mistakes import Code, Mistake, shown
from onebeat.config.model import Entry, File
from onebeat.config.once import singleton_mistakes
from onebeat.config.page import Page, read_page
from onebeat.config.place import Place
from onebeat.config.resolver import resolve
from onebeat.config.tree import Node
from onebeat.config.trigger import build_trigger, contradictions, trigger_mistakes
from onebeat.errors import BadPayload
from onebeat.keys import SCHEDULE_ID
from onebeat.queue import payload
from onebeat.scheduler.blanks import has_blanks
from onebeat.scheduler.schedule import Schedule

SectionT = TypeVar("SectionT", bound=BaseModel)
_ALONE = Ground()
_ENVIRON: Mapping[str, str] = {}


@dataclass(slots=True)
class Reading:
    """One file: what could be read of it, and everything wrong with it.

    `schedules` holds what is right beside its place; `places` every id that is declared. `ground` is
    what the files that it includes stand on.
    """

    file: str
    head: File = field(default_factory=File)
    root: Node | None = None
    ground: Ground = _ALONE
    places: list[Place] = field(default_factory=list)
    schedules: list[tuple[Place, Schedule]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)
    patterns: list[tuple[Path, str]] = field(default_factory=list)  # what it includes: folder, pattern
    digest: bytes = b""  # of the bytes that were read


def read(raw: bytes, file: str, *, environ: Mapping[str, str] = _ENVIRON, ground: Ground = _ALONE) -> Reading:
    """The configuration in `raw`; `file` names it in mistakes, `ground` is that of the file including it."""
    reading = Reading(file)
    page, reading.mistakes = read_page(raw, file)
    if page is None:
        return reading
    root, wrong = resolve(page)
    reading.mistakes += wrong
    if root is None or _is_no_mapping(reading, root):
        return reading
    reading.root = root
    reading.mistakes += fill(root, environ)
    reading.mistakes += blanks_outside(root)
    head = {name: node.plain() for name, node in root.value.items() if name != "schedules"}
    reading.head = _checked(reading, File, head, root) or File()
    said = reading.head.timezone if "timezone" in reading.head.model_fields_set else None
    reading.ground = ground.under(said, root)
    for place in _places(reading, page, root):
        _read_entry(reading, place)
    for key in ("redis", "database", "defaults", "profiles"):
        if key in root.value:
            reading.warnings += secrets_below(root.value[key], key)
    return reading


def _is_no_mapping(reading: Reading, root: Node) -> bool:
    if isinstance(root.value, dict):
        return False
    empty = root.value is None
    message = "the file is empty" if empty else f"the file must be a mapping, not {named(root)}"
    code = Code.DOCUMENTS if empty else Code.TYPE
    reading.mistakes.append(root.mistake(code, message, hint="begin with: schedules:", length=1))
    return True


def _checked(reading: Reading, model: type[SectionT], plain: Any, root: Node) -> SectionT | None:
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        reading.mistakes += Complaints(root, (), root, model).of(error)
        return None


def _places(reading: Reading, page: Page, root: Node) -> Iterator[Place]:
    """Each declared schedule; a wrong id is told, and its schedule is still checked."""
    declared = root.value.get("schedules")
    if declared is None or declared.spoiled:
        return
    if not isinstance(declared.value, dict):
        message = f"schedules must be a mapping, not {named(declared)}"
        hint = "write schedules: {} when there are none" if declared.value is None else "write id: {task: …}"
        wrong = root.keys["schedules"].mistake(Code.TYPE, message, hint=hint, path="schedules")
        reading.mistakes.append(wrong)
        return
    for name, node in declared.value.items():
        full, unknown = reading.ground.complete(node, ("schedules", name))
        reading.mistakes += unknown
        place = Place(page, name, declared.keys[name], node, full)
        if not SCHEDULE_ID.fullmatch(name):
            reading.mistakes.append(_wrong_id(place))
        yield place


def _wrong_id(place: Place) -> Mistake:
    message = f"{shown(place.id)} is not a schedule id"
    rule = "1 to 64 of a-z 0-9 _ . -, starting with a letter or digit"
    slug = "".join(c if c in "abcdefghijklmnopqrstuvwxyz0123456789_.-" else "-" for c in place.id.lower())
    slug = slug.strip("-_.")[:64]
    hint = f"did you mean {slug}? ({rule})" if SCHEDULE_ID.fullmatch(slug) else f"an id has {rule}"
    return place.mistake(Code.NAME, message, (), hint)


def _read_entry(reading: Reading, place: Place) -> None:
    """Every schedule that the entry stands for; what is wrong with all of them is told once."""
    if place.node.spoiled or not isinstance(place.full.value, dict):
        reading.places.append(place)
        _read_schedule(reading, place)
        return
    axes, wrong = axes_of(place)
    wrong += misplaced_blanks(place, axes)
    reading.mistakes += wrong
    told, warned = len(reading.mistakes), len(reading.warnings)
    for one in combinations(place, {} if wrong else axes):
        reading.places.append(one)
        _read_schedule(reading, one)
    if axes:
        reading.mistakes[told:] = _once(reading.mistakes[told:])
        reading.warnings[warned:] = _once(reading.warnings[warned:])


def _once(mistakes: list[Mistake]) -> list[Mistake]:
    return list({(one.code, one.line, one.column, one.message): one for one in mistakes[::-1]}.values())[::-1]


def _read_schedule(reading: Reading, place: Place) -> None:
    if place.node.spoiled:
        return
    before = len(reading.mistakes)
    entry: Entry | None = None
    try:
        entry = Entry.model_validate(place.full.plain(), context={"id": place.id})
    except ValidationError as error:
        reading.mistakes += Complaints(place.full, place.way, place.key, Entry).of(error)
    if isinstance(place.full.value, dict):
        reading.mistakes += trigger_mistakes(place)
    if entry is None or len(reading.mistakes) > before:
        return
    timezone = entry.timezone if "timezone" in entry.model_fields_set else reading.ground.timezone
    trigger = build_trigger(place, entry, timezone)
    if isinstance(trigger, Mistake):
        reading.mistakes.append(trigger)
        return
    schedule = build_schedule(place.id, entry, trigger, timezone)
    wrong = [
        *contradictions(place, entry, schedule),
        *singleton_mistakes(place, schedule),
        *_too_large(place, schedule),
    ]
    reading.mistakes += wrong
    if not wrong:
        reading.schedules.append((place, schedule))
        reading.warnings += cautions(place, schedule)


def _too_large(place: Place, schedule: Schedule) -> Iterator[Mistake]:
    """Arguments that no message carries; what is filled in when a run is made makes them longer."""
    try:
        size = len(payload.encode(schedule.args, schedule.kwargs))
    except BadPayload:
        size = payload.SIZE_MAX + 1
    grows = has_blanks(schedule.args) or has_blanks(schedule.kwargs)
    if size > payload.SIZE_MAX // (4 if grows else 1):
        hint = "store the content elsewhere and pass its address"
        yield place.mistake(Code.VALUE, "the arguments are too large for a message", ("kwargs",), hint)
