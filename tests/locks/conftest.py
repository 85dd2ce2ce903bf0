"""What do the tests of locks ask for beside a store?"""

from __future__ import annotations

import pytest

from onebeat.keys import LockKeys, ShareKeys
from onebeat.locks import validity
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


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases are renewed forty times before they would end: a test sees renewals at once, and one of 20 s
    is not lost when the machine stands still for long."""
    monkeypatch.setattr(validity, "RENEWALS", 40)
