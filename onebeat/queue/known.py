"""How does a queue get into the list in which operators look? Whoever is about to use it puts it there."""

from __future__ import annotations

from onebeat.keys import SpaceKeys
from onebeat.wire import Command, Protocol, insist


def make_known(space: SpaceKeys, *queues: str, within_s: float) -> Protocol[None]:
    """Put `queues`, one or more, into the list; those that are there stay."""
    yield from insist(Command(("SADD", space.queues, *queues)), within_s=within_s)
