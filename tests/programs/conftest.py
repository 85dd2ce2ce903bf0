"""How do the tests drive both clients by one text? `face.create(…)` is awaited where it has to be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from onebeat import AsyncClient, Client
from onebeat.wire import AsyncStore, Store
from tests.servers import Server


class Face:
    """`client.schedules`, blocking or not; each method answers."""

    def __init__(self, schedules: Any, answer: Callable[[Any], Any]) -> None:
        self._schedules, self._answer = schedules, answer

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            return self._answer(getattr(self._schedules, name)(*args, **named))

        return call


@pytest.fixture(params=["blocking", "asyncio"])
def face(request: pytest.FixtureRequest, server: Server, store: Store) -> Iterator[Face]:
    if request.param == "blocking":
        yield Face(Client(store).schedules, lambda answer: answer)
        return
    with asyncio.Runner() as runner:

        async def opened() -> AsyncClient:
            return AsyncClient(AsyncStore.open(server.url, store.namespace))

        client = runner.run(opened())
        yield Face(client.schedules, runner.run)
        runner.run(client.close())
