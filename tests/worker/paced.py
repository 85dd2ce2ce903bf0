"""Which task with a rate do the worker tests run?"""

from __future__ import annotations

import asyncio

from onebeat import task
from tests.worker.acts import _note as note


@task(name="paced.steady", rate="20/s", record=True)
def steady(number: int) -> None:
    """Quick: only its rate holds it back."""
    note(f"begin {number}")


@task(name="paced.tenth", rate="10/s", record=True)
async def tenth(number: int) -> None:
    """As `steady`, on the loop."""
    note(f"begin {number}")


@task(name="paced.hourly", rate={"limit": "9/h", "burst": 9})
async def hourly(number: int) -> None:
    """All at once, or not within a test."""
    note(f"hourly {number}")


@task(name="paced.flood")
async def flood(number: int) -> None:
    """Short, without a rate."""
    await asyncio.sleep(0.005)
    note(f"flood {number}")


@task(name="paced.tenant", rate={"key": "tenant:{tenant}", "limit": "2/h", "burst": 2})
def tenant_of(tenant: str, word: str) -> None:
    """Two of a tenant, and no more within a test."""
    note(f"begin {word}")


@task(
    name="paced.both", rate={"limit": "20/s", "burst": 20}, concurrency={"limit": 1}, retries=1, delay="10ms"
)
def both(number: int) -> None:
    """One at a time."""
    note(f"begin {number}")
    note(f"end {number}")
