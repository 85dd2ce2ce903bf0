"""Which task with bounds do the worker tests run?"""

from __future__ import annotations

import time

from onebeat import task
from tests.worker.acts import _note as note
from tests.worker.acts import _told as told


@task(name="crowded.bounded", concurrency={"key": "tenant:{tenant}", "limit": 2}, retries=1, delay="10ms")
def bounded(tenant: str, word: str) -> None:
    """Two of a tenant at a time; ends when it is told to."""
    note(f"begin {word}")
    while not told(word):
        time.sleep(0.02)
    note(f"end {word}")
