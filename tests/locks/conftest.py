"""What do the tests of locks ask for beside a store?"""

from __future__ import annotations

import pytest

from onebeat.keys import LockKeys
from onebeat.wire import Store
from tests.locks.bench import Bench


@pytest.fixture
def bench(store: Store) -> Bench:
    """One lock, spoken with in single calls."""
    return Bench(store, LockKeys(store.namespace, "l"))
