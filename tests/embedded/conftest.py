"""What may a test of `up` ask for? A short folder of its own, and supervisors that end with the test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onebeat.embedded import StoreProcess
from tests.embedded.running import Up


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, because a socket is put there."""
    path = Path(tempfile.mkdtemp(prefix="ob-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def up(folder: Path) -> Iterator[Callable[..., Up]]:
    """Starts supervisors in `folder`: `up("obeys", "slow", grace_s=1)`."""
    started: list[Up] = []

    def start(*modes: str, grace_s: float = 60.0) -> Up:
        started.append(Up(folder, *modes, grace_s=grace_s))
        return started[-1]

    yield start
    for one in started:
        one.sweep()


@pytest.fixture
def private(folder: Path) -> Iterator[StoreProcess]:
    """A private store that is not started yet."""
    one = StoreProcess(folder / ".onebeat")
    yield one
    one.stop()
