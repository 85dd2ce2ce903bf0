"""What if a worker's flow fails while it is stopping? It is told, not taken for the end of the work."""

from __future__ import annotations

import asyncio

import pytest

from onebeat.worker.child import Child
from onebeat.worker.settings import WorkerSettings
from tests.servers import Server


@pytest.mark.parametrize("problem", [RuntimeError("broken"), asyncio.CancelledError()], ids=repr)
def test_it_is_told(
    server: Server, namespace: str, caplog: pytest.LogCaptureFixture, problem: BaseException
) -> None:
    async def fail() -> None:
        raise problem

    async def stop() -> int:
        settings = WorkerSettings(redis_url=server.url, database_url="sqlite://", namespace=namespace)
        child = Child(settings, "host:1.0:abc")
        status = await child._stop([asyncio.create_task(fail())])
        await child._bench.store.close()
        return status

    assert asyncio.run(stop()) == 1
    assert type(problem).__name__ in caplog.text
