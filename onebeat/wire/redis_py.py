"""Which errors does code that was written for redis-py's lock expect?"""

from __future__ import annotations

from onebeat.errors import StoreError


def as_redis_py(problem: StoreError) -> Exception:
    """What redis-py raised, where that is what became a store error."""
    cause = problem.__cause__
    return cause if isinstance(cause, Exception) else problem


def lock_error(text: str, name: str) -> Exception:
    """`redis.exceptions.LockError` about the lock `name`."""
    from redis.exceptions import LockError

    return LockError(text, lock_name=name)


def not_owned_error(text: str, name: str) -> Exception:
    """`redis.exceptions.LockNotOwnedError` about the lock `name`."""
    from redis.exceptions import LockNotOwnedError

    return LockNotOwnedError(text, lock_name=name)


def is_lock_error(problem: BaseException) -> bool:
    """Is it one of the two?"""
    from redis.exceptions import LockError

    return isinstance(problem, LockError)
