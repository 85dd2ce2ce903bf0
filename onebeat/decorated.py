"""Which schedules does a program declare beside its functions? `@app.schedule(cron=…)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

from onebeat.catalog import check_task
from onebeat.config import Code, ConfigMistakes, Loaded, Mistake, load
from onebeat.config.declare import Keys, declared, spelled
from onebeat.errors import ConfigError
from onebeat.scheduler.schedule import Schedule
from onebeat.worker.task import Task, task

P = ParamSpec("P")
R = TypeVar("R")
NO_CONFIGURATION = (
    "no configuration: give -c FILE or ONEBEAT_CONFIG, or write an onebeat.yaml in this folder "
    "('onebeat schema' tells editors what it may say)"
)


class Decorated(NamedTuple):
    """A schedule, its text, and the function above which it stands."""

    schedule: Schedule
    text: str
    place: str


def decorate(
    into: dict[str, Decorated], id_: str | None, keys: Keys
) -> Callable[[Callable[P, R] | Task[P, R]], Task[P, R]]:
    """Declares a schedule of the function in `into`, by its id, which is the function's name if None.

    Raises:
        ConfigMistakes: lists everything that is wrong with the keys. ConfigError: the id is taken.
        BadArguments: the function does not take the arguments.
    """

    def decorator(function: Callable[P, R] | Task[P, R]) -> Task[P, R]:
        target: Task[P, R] = function if isinstance(function, Task) else task(function)
        called = target.function.__name__ if id_ is None else id_
        place = f"{target.function.__module__}.{target.function.__qualname__}"
        said: dict[str, Any] = spelled(keys, target)
        schedule, text = declared(called, said, f"@app.schedule of {place}")
        check_task(schedule)
        known = into.get(called)
        if known is not None and (known.text, known.place) != (text, place):  # a module may be run twice
            raise ConfigError(
                f"@app.schedule of {place}: the schedule {called!r} is declared at {known.place} already: "
                "give one of them another id"
            )
        into[called] = Decorated(schedule, text, place)
        return target

    return decorator


def load_with(paths: Sequence[Path], environ: Mapping[str, str], found: Mapping[str, Decorated]) -> Loaded:
    """What files say, and what is decorated; an id that both have is a mistake."""
    loaded = load(paths, environ)
    return replace(
        loaded,
        schedules=[*loaded.schedules, *(one.schedule for one in found.values())],
        mistakes=(*loaded.mistakes, *_twice(loaded, found)),
    )


def load_or_raise(file: Path | None, environ: Mapping[str, str], found: Mapping[str, Decorated]) -> Loaded:
    """As `load_with`, of one file or none.

    Raises:
        ConfigMistakes: lists everything wrong in all of it. ConfigError: there is nothing.
    """
    if file is None and not found:
        raise ConfigError(NO_CONFIGURATION)
    loaded = load_with([] if file is None else [file], environ, found)
    if loaded.mistakes:
        raise ConfigMistakes(loaded.mistakes)
    return loaded


def _twice(loaded: Loaded, found: Mapping[str, Decorated]) -> Iterator[Mistake]:
    for one in loaded.schedules:
        for name in filter(None, (one.id, one.formerly)):
            if name in found:
                message = f"a file declares the schedule {name} too"
                yield Mistake(Code.DUPLICATE_ID, message, found[name].place, hint="rename one of them")
