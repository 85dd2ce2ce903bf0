"""What is said of a fault? Pure."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One fault. `test`: `file::function`, below tests/; empty where `why` says that it does not run."""

    id: str
    fault: str
    injected: str
    expected: str
    test: str = ""
    why: str = ""
