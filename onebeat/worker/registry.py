"""Which function has this name? Filled by importing modules; a name never comes from a message as a path."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onebeat.errors import ConfigError, UnknownTask
from onebeat.queue.record import Header, RetryPolicy

if TYPE_CHECKING:
    from onebeat.worker.task import Task


class Registry:
    """Tasks by name."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task[Any, Any]] = {}
        self.bounds = False  # whether any of them has bounds

    def add(self, task: Task[Any, Any]) -> None:
        """Register `task`.

        Raises:
            ConfigError: another function has its name.
        """
        old = self._tasks.get(task.name)
        if old is not None and _place(old) != _place(task):
            raise ConfigError(
                f"task name {task.name!r} is taken by {_place(old)}: "
                f"give {_place(task)} another one with @task(name=…)"
            )
        self._tasks[task.name] = task
        self.bounds = self.bounds or task.bounds is not None

    def find(self, name: str) -> Task[Any, Any]:
        """The task called `name`.

        Raises:
            UnknownTask: there is none; names the closest.
        """
        found = self._tasks.get(name)
        if found is None:
            close = difflib.get_close_matches(name, self._tasks, n=1)
            hint = (
                f"did you mean {close[0]!r}?"
                if close
                else "add its module to 'imports:' in the configuration"
            )
            raise UnknownTask(f"no task is called {name!r}: {hint}")
        return found

    def get(self, name: str) -> Task[Any, Any] | None:
        """The task called `name`, if there is one."""
        return self._tasks.get(name)

    def policy(self, header: Header) -> RetryPolicy:
        """How a failed attempt is tried again: the schedule's rule before the task's."""
        if header.retries is not None:
            return header.retries
        found = self._tasks.get(header.task)
        return found.retries if found is not None else RetryPolicy()

    def __contains__(self, name: object) -> bool:
        return name in self._tasks

    def __iter__(self) -> Iterator[Task[Any, Any]]:
        return iter(self._tasks.values())


def _place(task: Task[Any, Any]) -> str:
    return f"{task.function.__module__}.{task.function.__qualname__}"


def name_of(function: Callable[..., Any]) -> str:
    """`module:qualified name` of a function, as a worker imports it."""
    module = function.__module__
    if module == "__main__":  # the worker imports it by its real name
        main = sys.modules["__main__"]
        spec = getattr(main, "__spec__", None)
        module = spec.name if spec else Path(getattr(main, "__file__", None) or "__main__").stem
    return f"{module}:{function.__qualname__}"


REGISTRY = Registry()


def import_all(modules: Iterable[str]) -> None:
    """Import modules so that they register their tasks.

    Raises:
        ConfigError: one cannot be imported; says which and why.
    """
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as problem:
            raise ConfigError(
                f"imports: module {name!r} cannot be imported ({problem}): is it installed, "
                "or its folder on PYTHONPATH?"
            ) from problem
