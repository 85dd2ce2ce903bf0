"""What do the tests of locks ask for beside a store?"""

from __future__ import annotations

import pytest

from onebeat.keys import LockKeys, ShareKeys
from onebeat.wire import Store
from tests.locks.bench import Bench, ShareBench


@pytest.fixture
def bench(store: Store) -> Bench:
    """One lock, spoken with in single calls."""
    return Bench(store, LockKeys(store.namespace, "l"))


@pytest.fixture
def shares(store: Store) -> ShareBench:
    """One share, spoken with in single calls."""
    return ShareBench(store, ShareKeys(store.namespace, "s"))
