"""What did the server say, and what does redis-py's exception for it mean?

redis-py turns some error words into exception classes and strips the word; this table puts it back, so
`failures.py` decides by the words of the server alone. The first class that fits wins.
"""

from __future__ import annotations

from functools import lru_cache

from onebeat.errors import StoreError
from onebeat.wire import failures


@lru_cache(maxsize=1)
def _stripped() -> tuple[tuple[type[Exception], str], ...]:
    import redis.exceptions as kinds

    return (
        (kinds.BusyLoadingError, "LOADING"),
        (kinds.AuthenticationError, "WRONGPASS"),
        (kinds.AuthorizationError, "NOPERM"),
        (kinds.ReadOnlyError, "READONLY"),
        (kinds.NoPermissionError, "NOPERM"),
        (kinds.OutOfMemoryError, "OOM"),
        (kinds.ExecAbortError, "EXECABORT"),
        (kinds.NoScriptError, "NOSCRIPT"),
        (kinds.MovedError, "MOVED"),
        (kinds.AskError, "ASK"),
        (kinds.TryAgainError, "TRYAGAIN"),
        (kinds.MasterDownError, "MASTERDOWN"),
        (kinds.ClusterDownError, "CLUSTERDOWN"),
        (kinds.ClusterCrossSlotError, "CROSSSLOT"),
    )


def _told_by_server(problem: Exception) -> Exception:
    """The server's own error, where the asyncio client hides one that it got while it connected."""
    import redis.exceptions as kinds

    cause = problem.__cause__
    hidden = isinstance(problem, kinds.ConnectionError) and isinstance(cause, kinds.RedisError)
    return cause if hidden and isinstance(cause, Exception) else problem


def translate(where: str, problem: Exception) -> StoreError:
    """The store error for what redis-py raised while it spoke with the store at `where`."""
    import redis.exceptions as kinds

    problem = _told_by_server(problem)
    text = str(problem)
    for kind, word in _stripped():
        if isinstance(problem, kind):
            # NOAUTH and WRONGPASS share one class, and only one of them says "required"
            word = "NOAUTH" if word == "WRONGPASS" and "required" in text else word
            return failures.from_server(text if text.startswith(word) else f"{word} {text}")
    if isinstance(problem, (kinds.ConnectionError, kinds.TimeoutError, OSError)):
        return failures.from_connection(where, problem)
    return failures.from_server(text)
