"""A workshop: what a worker needs around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Server
from tests.worker.running import Workshop


@pytest.fixture
def shop(server: Server, namespace: str, tmp_path: Path) -> Iterator[Workshop]:
    opened = Workshop(tmp_path, server.url, namespace)
    yield opened
    opened.close()
