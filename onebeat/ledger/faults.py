"""What does a database's error mean for the transaction it ended? Pure."""

from __future__ import annotations

import sqlite3

# serialization_failure, deadlock_detected (PostgreSQL manual, appendix A; class 40 is "transaction rollback")
_SQLSTATES = frozenset({"40001", "40P01"})
_SQLITE_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
FIRST_S = 0.01
MAX_S = 0.5


def is_transient(problem: BaseException) -> bool:
    """The database rolled back for the sake of another transaction: doing the same again may succeed.

    Looks through the causes too, because handlers wrap the errors of their statements.
    """
    seen: set[int] = set()
    current: BaseException | None = problem
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if getattr(current, "sqlstate", None) in _SQLSTATES:
            return True
        if isinstance(current, sqlite3.Error):
            code = getattr(current, "sqlite_errorcode", None)  # absent when Python itself raised it
            if code is not None and code & 0xFF in _SQLITE_CODES:
                return True
        current = getattr(current, "orig", None) or current.__cause__
    return False


def pause_s(tried: int, luck: float) -> float:
    """Seconds to wait after `tried` (≥ 1) transactions failed; full jitter, `luck` in [0, 1)."""
    return luck * min(MAX_S, FIRST_S * 2.0 ** min(tried, 10))
