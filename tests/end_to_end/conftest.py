"""A site: a configuration and the processes that run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end.site import Site
from tests.servers import Server


@pytest.fixture
def make_site(server: Server, namespace: str, tmp_path: Path) -> Iterator[Callable[[str], Site]]:
    """Makes the site of a configuration on the shared store."""
    with ExitStack() as stack:

        def make(config: str) -> Site:
            site = Site(tmp_path, server.url, namespace, config)
            stack.callback(site.close)
            return site

        yield make
