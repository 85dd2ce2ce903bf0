"""Which schedules name a task that no worker would find? Tried by importing, as a worker does."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator, Sequence

from onebeat.app import App
from onebeat.config import Code, Mistake
from onebeat.config.reading import Reading
from onebeat.errors import UnknownTask
from onebeat.worker.registry import REGISTRY

_MEND = "is it installed, or its folder on PYTHONPATH?"


def missing_tasks(app: App, readings: Sequence[Reading]) -> list[Mistake]:
    """A warning for each module that cannot be imported and each task that none of them registers."""
    if str(app.folder) not in sys.path:
        sys.path.insert(0, str(app.folder))
    modules = {name for reading in readings for name in _modules(reading)}
    with contextlib.redirect_stdout(sys.stderr):  # what a module prints is not part of the answer
        failures = {name: why for name in sorted(modules) if (why := _failure(name)) is not None}
    return [warning for reading in readings for warning in _warnings(reading, failures)]


def _modules(reading: Reading) -> Iterator[str]:
    yield from reading.head.imports
    yield from (one.task.partition(":")[0] for _, one in reading.schedules if ":" in one.task)


def _failure(module: str) -> str | None:
    try:
        importlib.import_module(module)
    except Exception as problem:  # whatever a module does when it is imported, the check goes on
        return f"{type(problem).__name__}: {problem}".splitlines()[0]
    return None


def _warnings(reading: Reading, failures: dict[str, str]) -> Iterator[Mistake]:
    for place, name in enumerate(reading.head.imports):
        if name in failures and reading.root:
            node = reading.root.at(("imports", place))
            yield node.mistake(Code.TASK, _broken(name, failures), hint=_MEND, path=f"imports[{place}]")
    told = set(reading.head.imports)
    for where, one in reading.schedules:
        module = one.task.partition(":")[0]
        if module in failures:
            if module not in told:
                yield where.mistake(Code.TASK, _broken(module, failures), ("task",), _MEND)
            told.add(module)
        elif one.task not in REGISTRY:
            message, hint = _unknown(one.task)
            yield where.mistake(Code.TASK, message, ("task",), hint)


def _broken(module: str, failures: dict[str, str]) -> str:
    return f"module {module} cannot be imported: {failures[module]}"


def _unknown(task: str) -> tuple[str, str]:
    """The registry's own words, its mend as the hint."""
    try:
        REGISTRY.find(task)
    except UnknownTask as problem:
        message, _, hint = str(problem).partition(": ")
        return message, hint
    raise AssertionError(f"{task} is registered")
