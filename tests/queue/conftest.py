"""What may a queue test ask for? A room: one fresh queue on the shared server."""

from __future__ import annotations

import pytest

from onebeat.wire import Store
from tests.queue.room import Room


@pytest.fixture
def room(store: Store) -> Room:
    return Room(store)
