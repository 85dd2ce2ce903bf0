"""How do users test what they build on onebeat? What our own tests use: a network that fails on request."""

from __future__ import annotations

from onebeat.testing.link import Way
from onebeat.testing.proxy import Ending, FaultProxy

__all__ = ["Ending", "FaultProxy", "Way"]
