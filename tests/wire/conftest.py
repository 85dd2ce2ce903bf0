"""What do the tests of the wire share? Both drivers behind one face, and servers that misbehave."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from onebeat.wire import AsyncStore, Effect, Protocol, Store
from tests.servers import Server
from tests.wire.fake_server import Answer, FakeServer


@dataclass
class Driver:
    """Either driver, called the same way; `store` is the thing itself."""

    store: Store | AsyncStore
    perform: Callable[[Effect], Any]
    run: Callable[[Protocol[Any]], Any]
    close: Callable[[], Any]


OpenDriver = Callable[..., Driver]


@pytest.fixture(params=["blocking", "asyncio"])
def open_driver(request: pytest.FixtureRequest) -> Iterator[OpenDriver]:
    """Opens a driver: `open_driver(url, namespace, deadline_s=…)`; the test runs once for each kind."""
    opened: list[Driver] = []
    with asyncio.Runner() as runner:

        def open_one(url: str, namespace: str = "tests", **options: float) -> Driver:
            store: Store | AsyncStore
            if request.param == "blocking":
                store = Store.open(url, namespace, **options)
                driver = Driver(store, store.perform, store.run, store.close)
            else:
                store = AsyncStore.open(url, namespace, **options)
                driver = Driver(
                    store,
                    lambda effect: runner.run(store.perform(effect)),
                    lambda protocol: runner.run(store.run(protocol)),
                    lambda: runner.run(store.close()),
                )
            opened.append(driver)
            return driver

        yield open_one
        for driver in opened:
            driver.close()


@pytest.fixture
def driver(open_driver: OpenDriver, server: Server, namespace: str) -> Driver:
    """A driver on the shared store."""
    return open_driver(server.url, namespace)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, as sockets need."""
    short = Path(tempfile.mkdtemp(prefix="ob-", dir="/tmp"))
    yield short
    shutil.rmtree(short, ignore_errors=True)


@pytest.fixture
def fake_server(folder: Path) -> Iterator[Callable[[Answer], FakeServer]]:
    """Starts a server whose every answer is what the given function says."""
    started: list[FakeServer] = []

    def start(answer: Answer) -> FakeServer:
        started.append(FakeServer(folder, answer))
        return started[-1]

    yield start
    for fake in started:
        fake.close()
