"""What does one file declare, and what is wrong with it? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from onebeat.config.build import build_schedule
from onebeat.config.cautions import cautions, herds, secrets_below
from onebeat.config.complaints import Complaints, named
from onebeat.config.literals import later_literals
from onebeat.config.mistakes import Code, Mistake, shown
from onebeat.config.model import Entry, File
from onebeat.config.page import Page, read_page
from onebeat.config.place import Place
from onebeat.config.resolver import resolve
from onebeat.config.tree import Node
from onebeat.config.trigger import build_trigger, contradictions, trigger_mistakes
from onebeat.keys import SCHEDULE_ID
from onebeat.scheduler.schedule import Schedule

SectionT = TypeVar("SectionT", bound=BaseModel)


@dataclass(slots=True)
class Reading:
    """One file: what could be read of it, and everything wrong with it.

    `schedules` holds what is right beside its place; `places` every id that is declared.
    """

    file: str
    head: File = field(default_factory=File)
    root: Node | None = None
    page: Page | None = None
    places: list[Place] = field(default_factory=list)
    schedules: list[tuple[Place, Schedule]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)


def read(raw: bytes, file: str) -> Reading:
    """The configuration in `raw`; `file` names it in mistakes."""
    reading = Reading(file)
    reading.page, reading.mistakes = read_page(raw, file)
    if reading.page is None:
        return reading
    root, wrong = resolve(reading.page)
    reading.mistakes += wrong
    if root is None or _is_no_mapping(reading, reading.page, root):
        return reading
    reading.root = root
    reading.mistakes += later_literals(reading.page, root)
    head = {name: node.plain() for name, node in root.value.items() if name != "schedules"}
    reading.head = _checked(reading, reading.page, File, head, root) or File()
    for place in _places(reading, reading.page, root):
        _read_schedule(reading, place)
    reading.warnings += herds(reading.schedules)
    for key in ("redis", "database"):
        if key in root.value:
            reading.warnings += secrets_below(reading.page, root.value[key], key)
    return reading


def _is_no_mapping(reading: Reading, page: Page, root: Node) -> bool:
    if isinstance(root.value, dict):
        return False
    empty = root.value is None
    message = "the file is empty" if empty else f"the file must be a mapping, not {named(root)}"
    code = Code.DOCUMENTS if empty else Code.TYPE
    reading.mistakes.append(
        page.mistake(code, message, root.line, root.column, hint="begin with: schedules:")
    )
    return True


def _checked(reading: Reading, page: Page, model: type[SectionT], plain: Any, root: Node) -> SectionT | None:
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        reading.mistakes += Complaints(page, root, (), root, model).of(error)
        return None


def _places(reading: Reading, page: Page, root: Node) -> Iterator[Place]:
    """Each declared schedule; a wrong id is told, and its schedule is still checked."""
    declared = root.value.get("schedules")
    if declared is None or declared.spoiled:
        return
    if not isinstance(declared.value, dict):
        key = root.keys["schedules"]
        message = f"schedules must be a mapping, not {named(declared)}"
        hint = "write schedules: {} when there are none" if declared.value is None else "write id: {task: …}"
        wrong = page.mistake(Code.TYPE, message, key.line, key.column, hint=hint, length=key.length)
        reading.mistakes.append(wrong)
        return
    for name, node in declared.value.items():
        place = Place(page, name, declared.keys[name], node)
        if not SCHEDULE_ID.fullmatch(name):
            reading.mistakes.append(_wrong_id(place))
        reading.places.append(place)
        yield place


def _wrong_id(place: Place) -> Mistake:
    message = f"{shown(place.id)} is not a schedule id"
    rule = "1 to 64 of a-z 0-9 _ . -, starting with a letter or digit"
    slug = "".join(c if c in "abcdefghijklmnopqrstuvwxyz0123456789_.-" else "-" for c in place.id.lower())
    slug = slug.strip("-_.")[:64]
    hint = f"did you mean {slug}? ({rule})" if SCHEDULE_ID.fullmatch(slug) else f"an id has {rule}"
    return place.mistake(Code.NAME, message, (), hint)


def _read_schedule(reading: Reading, place: Place) -> None:
    if place.node.spoiled:
        return
    before = len(reading.mistakes)
    entry: Entry | None = None
    try:
        entry = Entry.model_validate(place.node.plain(), context={"id": place.id})
    except ValidationError as error:
        reading.mistakes += Complaints(place.page, place.node, place.way, place.key, Entry).of(error)
    if isinstance(place.node.value, dict):
        reading.mistakes += trigger_mistakes(place)
    if entry is None or len(reading.mistakes) > before:
        return
    timezone = entry.timezone if "timezone" in entry.model_fields_set else reading.head.timezone
    trigger = build_trigger(place, entry, timezone)
    if isinstance(trigger, Mistake):
        reading.mistakes.append(trigger)
        return
    schedule = build_schedule(place.id, entry, reading.head.defaults, trigger, timezone)
    wrong = list(contradictions(place, entry, schedule))
    reading.mistakes += wrong
    if not wrong:
        reading.schedules.append((place, schedule))
        reading.warnings += cautions(place, schedule)
