"""What does a client remember between calls?"""

from __future__ import annotations

import os

from onebeat.queue.durability import ENVIRON, Durability, read_durability
from onebeat.queue.enqueue import Lanes
from onebeat.queue.signing import KeyRing, ring_from


class Sender:
    """What a client remembers between calls. What it is not told, the environment says."""

    def __init__(self, ring: KeyRing | None = None, durability: str | None = None) -> None:
        self.ring = ring_from(os.environ) if ring is None else ring
        self.durability = durability or os.environ.get(ENVIRON) or None
        read_durability(self.durability)  # a wrong word is told at once
        self.lanes = Lanes()
        self.known: set[str] = set()
        self.confirms: set[Durability] = set()  # what the server was asked about
