"""What do the tests of the checker share? One store that shows told time."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.interleave.world import World


@pytest.fixture(scope="package")
def _world() -> Iterator[World]:
    opened = World()
    yield opened
    opened.close()


@pytest.fixture
def world(_world: World) -> Iterator[World]:
    """A store for histories; what its processes log is about their misfortune and of no interest."""
    logging.disable(logging.CRITICAL)
    yield _world
    logging.disable(logging.NOTSET)
