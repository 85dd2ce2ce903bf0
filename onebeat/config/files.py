"""Which schedules do these files declare, or what is wrong with them?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onebeat.config.fingerprint import fingerprint_of_all
from onebeat.config.mistakes import Code, ConfigMistakes, Mistake
from onebeat.config.page import SIZE_MAX
from onebeat.config.place import Place
from onebeat.config.reading import Reading, read
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

    `fingerprint` tells whether two configurations emit the same (32 hexadecimal digits).
    """

    schedules: list[Schedule]
    imports: tuple[str, ...]
    settings: Settings
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Mistake, ...]

    @property
    def fingerprint(self) -> str:
        return fingerprint_of_all(self.schedules)


def load(paths: Sequence[str | Path]) -> Loaded:
    """Read every file and report every mistake in all of them; never raises for what they hold.

    `timezone` and `defaults` are those of each file; `imports` add up; the other settings must agree.
    """
    readings = [_read_path(Path(path)) for path in dict.fromkeys(map(str, paths))]
    mistakes = [mistake for reading in readings for mistake in _sorted(reading.mistakes)]
    mistakes += _duplicates(readings)
    mistakes += _disagreements(readings)
    return Loaded(
        schedules=[schedule for reading in readings for _, schedule in reading.schedules],
        imports=tuple(dict.fromkeys(name for reading in readings for name in reading.head.imports)),
        settings=_settings(readings),
        mistakes=tuple(mistakes),
        warnings=tuple(warning for reading in readings for warning in _sorted(reading.warnings)),
    )


def load_or_raise(paths: Sequence[str | Path]) -> Loaded:
    """As `load`, for programs that cannot go on with a wrong file.

    Raises:
        ConfigMistakes: lists everything wrong in all of the files.
    """
    loaded = load(paths)
    if loaded.mistakes:
        raise ConfigMistakes(loaded.mistakes)
    return loaded


def _read_path(path: Path) -> Reading:
    try:
        with path.open("rb") as stream:
            raw = stream.read(SIZE_MAX + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        hint = "name a YAML file" if path.is_dir() else "check the path and its permissions"
        wrong = Mistake(Code.UNREADABLE, f"the file cannot be read: {reason}", str(path), hint=hint)
        return Reading(str(path), mistakes=[wrong])
    return read(raw, str(path))


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


def _disagreements(readings: Sequence[Reading]) -> Iterator[Mistake]:
    for setting in _SETTINGS:
        saying = [reading for reading in readings if getattr(reading.head, setting) is not None]
        for reading in saying[1:]:
            if getattr(reading.head, setting) == getattr(saying[0].head, setting):
                continue
            if reading.page and reading.root:
                node = reading.root.at((setting,))
                message = f"{saying[0].file} says another {setting}"
                hint = "let one file say it"
                yield reading.page.mistake(
                    Code.DUPLICATE_ID,
                    message,
                    node.line,
                    node.column,
                    hint=hint,
                    length=node.length,
                    path=setting,
                )


def _settings(readings: Sequence[Reading]) -> Settings:
    """The first file that says something wins; where files disagree there is a mistake as well."""
    said: dict[str, str] = {}
    for reading in readings:
        for setting in ("timezone", *_SETTINGS):
            if setting in reading.head.model_fields_set and getattr(reading.head, setting) is not None:
                said.setdefault(setting, getattr(reading.head, setting))
    return Settings(**said)
