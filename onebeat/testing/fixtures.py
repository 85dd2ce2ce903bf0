"""How does a test get a fault proxy? `pytest_plugins = ["onebeat.testing.fixtures"]`, and it asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from onebeat.testing.proxy import FaultProxy


@pytest.fixture
def fault_proxy() -> Iterator[Callable[..., FaultProxy]]:
    """Opens a proxy before a store, `fault_proxy(url)`; it is closed with the test. One for each client."""
    with ExitStack() as stack:

        def opened(upstream: str, *, tcp: bool = False) -> FaultProxy:
            return stack.enter_context(FaultProxy(upstream, tcp=tcp))

        yield opened
