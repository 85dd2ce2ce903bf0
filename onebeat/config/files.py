"""Which schedules do these files declare, or what is wrong with them?"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onebeat.config.cautions import herds
from onebeat.config.fingerprint import fingerprint_of_all
from onebeat.config.includes import FILES_MAX, include_mistakes, included, nothing_included
from onebeat.config.layers import Ground
from onebeat.config.mistakes import Code, ConfigMistakes, Mistake
from onebeat.config.page import SIZE_MAX
from onebeat.config.place import Place
from onebeat.config.reading import Reading, read
from onebeat.config.sources import Sources, digest_of
from onebeat.config.tree import Node
from onebeat.scheduler.schedule import Schedule

_SETTINGS = ("redis", "database", "namespace")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the files say beside schedules. URLs may hold passwords, so they are not part of `repr`."""

    timezone: str = "UTC"
    redis: str | None = field(default=None, repr=False)
    database: str | None = field(default=None, repr=False)
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """All files together. `schedules` is complete only when `mistakes` is empty.

    `fingerprint` tells whether two configurations emit the same (32 hexadecimal digits). `sources` tells
    whether the files are still those that were read.
    """

    schedules: list[Schedule]
    imports: tuple[str, ...]
    settings: Settings
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Mistake, ...]
    sources: Sources = field(default_factory=Sources, compare=False)

    @property
    def fingerprint(self) -> str:
        return fingerprint_of_all(self.schedules)


def load(paths: Sequence[str | Path], environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read every file and report every mistake in all of them; never raises for what they hold."""
    return joined(read_files(paths, environ))


def read_files(paths: Sequence[str | Path], environ: Mapping[str, str] = os.environ) -> list[Reading]:
    """Each file and, behind it, those that it includes; a file that is named twice is read once.

    An included file stands on the `timezone`, `defaults` and `profiles` of the file that includes it.
    """
    walk = Walk(environ)
    for path in paths:
        walk.read(Path(path), Ground())
    return walk.readings


class Walk:
    """Reads files and what they include, each once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.readings: list[Reading] = []
        self._environ = environ
        self._seen: set[str] = set()

    def read(self, path: Path, ground: Ground) -> None:
        """Read `path` on `ground`, then what it includes."""
        real = os.path.realpath(path)
        if real in self._seen:
            return
        self._seen.add(real)
        self.take(_read_path(path, self._environ, ground), path.parent)

    def take(self, reading: Reading, folder: Path) -> None:
        """Keep a file that lies in `folder`, and read what it includes."""
        self.readings.append(reading)
        patterns = reading.root.value.get("include") if reading.root else None
        if patterns is None or not isinstance(patterns.value, list):
            return
        for place, node in enumerate(patterns.value):
            if isinstance(node.value, str) and not node.spoiled:
                self._include(reading, folder, node, place)

    def _include(self, reading: Reading, folder: Path, node: Node, place: int) -> None:
        wrong = list(include_mistakes(node, folder, place))
        found = [] if wrong else included(node.value, folder)
        if len(self._seen) + len(found) > FILES_MAX:
            message = f"the configuration has more than {FILES_MAX} files"
            wrong.append(node.mistake(Code.INCLUDE, message, hint="narrow the pattern", path="include"))
        reading.mistakes += wrong
        if wrong:
            return
        reading.patterns.append((folder, node.value))
        if not found:
            reading.warnings.append(nothing_included(node, place))
        for path in found:
            self.read(path, reading.ground)


def joined(readings: Sequence[Reading]) -> Loaded:
    """All files as one configuration; `imports` add up, the other settings must agree."""
    mistakes = [mistake for reading in readings for mistake in _sorted(reading.mistakes)]
    mistakes += _duplicates(readings)
    mistakes += _disagreements(readings)
    warnings = [warning for reading in readings for warning in _sorted(reading.warnings)]
    warnings += herds([read for reading in readings for read in reading.schedules])
    return Loaded(
        schedules=[schedule for reading in readings for _, schedule in reading.schedules],
        imports=tuple(dict.fromkeys(name for reading in readings for name in reading.head.imports)),
        settings=_settings(readings),
        mistakes=tuple(mistakes),
        warnings=tuple(warnings),
        sources=Sources.of(readings),
    )


def load_or_raise(paths: Sequence[str | Path], environ: Mapping[str, str] = os.environ) -> Loaded:
    """As `load`, for programs that cannot go on with a wrong file.

    Raises:
        ConfigMistakes: lists everything wrong in all of the files.
    """
    loaded = load(paths, environ)
    if loaded.mistakes:
        raise ConfigMistakes(loaded.mistakes)
    return loaded


def _read_path(path: Path, environ: Mapping[str, str], ground: Ground) -> Reading:
    try:
        with path.open("rb") as stream:
            raw = stream.read(SIZE_MAX + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        hint = "name a YAML file" if path.is_dir() else "check the path and its permissions"
        wrong = Mistake(Code.UNREADABLE, f"the file cannot be read: {reason}", str(path), hint=hint)
        return Reading(str(path), mistakes=[wrong])
    reading = read(raw, str(path), environ=environ, ground=ground)
    reading.digest = digest_of(raw)
    return reading


def _sorted(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """In the order of the file, each once (an alias brings the same mistake again)."""
    return sorted(dict.fromkeys(mistakes), key=lambda mistake: (mistake.line, mistake.column))


def _duplicates(readings: Sequence[Reading]) -> Iterator[Mistake]:
    first: dict[str, Place] = {}
    for reading in readings:
        for place in reading.places:
            known = first.setdefault(place.id, place)
            if known is not place:
                message = f"the schedule {place.id} is already declared at {known.page.file}:{known.key.line}"
                yield place.mistake(Code.DUPLICATE_ID, message, (), "rename one of them")
    heirs: dict[str, str] = {}
    for place, schedule in (one for reading in readings for one in reading.schedules):
        if not schedule.formerly:
            continue
        other = heirs.setdefault(schedule.formerly, schedule.id)
        if schedule.formerly in first or other != schedule.id:
            taken = f"{other} was" if other != schedule.id else "another schedule is now"
            message = f"{taken} called {schedule.formerly}: only one can go on in its place"
            yield place.mistake(Code.CONTRADICTION, message, ("formerly",), "remove formerly")


def _disagreements(readings: Sequence[Reading]) -> Iterator[Mistake]:
    for setting in _SETTINGS:
        saying = [reading for reading in readings if getattr(reading.head, setting) is not None]
        for reading in saying[1:]:
            if getattr(reading.head, setting) == getattr(saying[0].head, setting):
                continue
            if reading.root:
                node = reading.root.keys[setting]
                message = f"{saying[0].file} says another {setting}"
                yield node.mistake(Code.DUPLICATE_ID, message, hint="let one file say it", path=setting)


def _settings(readings: Sequence[Reading]) -> Settings:
    """The first file that says something wins; where files disagree there is a mistake as well."""
    said: dict[str, str] = {}
    for reading in readings:
        for setting in ("timezone", *_SETTINGS):
            if setting in reading.head.model_fields_set and getattr(reading.head, setting) is not None:
                said.setdefault(setting, getattr(reading.head, setting))
    return Settings(**said)
