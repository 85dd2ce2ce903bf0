"""Tasks that do next to nothing, so that what is measured is onebeat."""

from __future__ import annotations

import time

from onebeat import task


@task
async def noop(number: int) -> None:
    """An async no-op."""


@task
def sync_noop(number: int) -> None:
    """A blocking no-op."""


@task
async def stamp(sent_ns: int, path: str) -> None:
    """Write how long ago it was sent, in ms."""
    _write(sent_ns, path)


@task
def short(sent_ns: int, path: str) -> None:
    """The same, and block for 5 ms."""
    _write(sent_ns, path)
    time.sleep(0.005)


@task
def long() -> None:
    """Block for 2 s."""
    time.sleep(2)


def _write(sent_ns: int, path: str) -> None:
    late_ms = (time.monotonic_ns() - sent_ns) / 1e6
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{late_ms}\n")
