"""What do the tests of the checker share? A store that shows told time, a campaign beside the whole run."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.interleave import beside
from tests.interleave.world import World

ITS_TEST = "test_histories_with_a_new_seed"
_PLAYING = pytest.StashKey[subprocess.Popen[bytes]]()


def pytest_configure(config: pytest.Config) -> None:
    """All processes of one run of the suite know the same place."""
    run = getattr(config, "workerinput", {}).get("testrunuid") or f"alone-{os.getpid()}"
    config.stash[beside.PLACE] = beside.Place(run)


@pytest.hookimpl(trylast=True)  # after the shuffle
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test of the campaign comes last, and waits for what is left of it."""
    items.sort(key=lambda item: getattr(item, "originalname", "") == ITS_TEST)


def pytest_collection_finish(session: pytest.Session) -> None:
    """One process of the run starts the campaign, if it is wanted."""
    if getattr(session.config, "workerinput", {}).get("workerid", "gw0") != "gw0":
        return
    if session.config.option.collectonly or ITS_TEST not in {item.name for item in session.items}:
        return
    place = session.config.stash[beside.PLACE]
    session.config.stash[_PLAYING] = beside.start(place, beside.HISTORIES, beside.STOP_S)


def pytest_unconfigure(config: pytest.Config) -> None:
    playing = config.stash.get(_PLAYING, None)
    if playing is not None:
        beside.end(playing)
        config.stash[beside.PLACE].forget()


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
