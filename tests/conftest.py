"""What may every test ask for? A real store, a namespace of its own, and drivers on it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import onebeat.wire.store
from onebeat.wire import AsyncStore, Store
from tests.leaks import find_leaks, forget
from tests.one_slot import watch_slots
from tests.servers import Server

pytest_plugins = ["onebeat.testing.fixtures"]
# A machine that stands still for seconds must fail no test: a call that should be answered gets all the time
# it needs. Where one should fail for want of an answer, the test gives it a deadline of its own.
PATIENCE_S = 60.0
for kind in (Store, AsyncStore):
    kind.open.__func__.__kwdefaults__["deadline_s"] = PATIENCE_S
onebeat.wire.store.BLOCK_MARGIN_S = PATIENCE_S
settings.register_profile("onebeat", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("onebeat")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many histories were played beside this run; another process may have waited for them."""
    for report in (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())):
        for name, told in report.user_properties:
            if name == "histories":
                terminalreporter.write_line(f"histories: {told}")


@pytest.fixture(scope="session", autouse=True)
def _slots_are_watched() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        watch_slots(patch)
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The store that all tests share. One that was killed or stopped is started again after the test."""
    shared = Server()
    try:
        yield shared.start()
    finally:
        shared.remove()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A store for one test that kills, stops, fills or flushes it."""
    own = Server()
    try:
        yield own.start()
    finally:
        own.remove()


@pytest.fixture
def namespace(server: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh namespace. After the test each of its keys must be one that `keys.TABLE` allows to stay.

    `@pytest.mark.leaves_keys` is for tests that put wrong keys there on purpose.
    """
    fresh = f"t{secrets.token_hex(6)}"
    yield fresh
    server.start()
    with server.redis() as client:
        leaks = find_leaks(client, fresh)
        forget(client, fresh)
    if leaks and not request.node.get_closest_marker("leaves_keys"):
        pytest.fail("keys were left behind:\n" + "\n".join(leaks))


@pytest.fixture
def store(server: Server, namespace: str) -> Iterator[Store]:
    """The blocking driver."""
    with Store.open(server.url, namespace) as opened:
        yield opened


@pytest.fixture
def astore_factory(server: Server, namespace: str) -> Callable[[], AsyncStore]:
    """Opens the asyncio driver: `async with astore_factory() as store:` inside `asyncio.run`."""
    return lambda: AsyncStore.open(server.url, namespace)
