"""What does redis-py's lock promise, said in our effects?

Everything but the performing: the arguments, the token that a thread has, and each method as a protocol, so
that the blocking and the asyncio lock are the same lock. Words, answers and exceptions are redis-py's
(`redis.lock.Lock` of redis-py 8, and its documentation).
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, Literal, TypeVar

from onebeat.clock import SYSTEM
from onebeat.errors import ConfigError, StoreError
from onebeat.keys import PlainLockKeys
from onebeat.locks import keeper, protocol
from onebeat.locks.calls import Attempt
from onebeat.locks.door import new_token, who_am_i
from onebeat.locks.lease import Lease
from onebeat.locks.protocol import BEAT_S, INSIST_S, Grant, Released
from onebeat.locks.validity import believed_until_s
from onebeat.wire import AsyncStore, Command, Protocol, Store, insist, load
from onebeat.wire.redis_py import as_redis_py, is_lock_error, lock_error, not_owned_error

EXTEND = load("locks", "extend")
RENAME = load("locks", "rename")

DEADLINE_S = BEAT_S + 3.0  # of one call: a waiter's blocking read and a margin
LIFE_S = 30.0  # of a lock without a timeout, renewed while its process lives
MAX_HOLD_S = 30 * 86_400.0
StoreT = TypeVar("StoreT", Store, AsyncStore)
_LOG = logging.getLogger("onebeat.locks")


class _Mine:
    """What a handle knows of its hold; `token` is a public habit of redis-py's users."""

    token: bytes | None = None
    lease: Lease | None = None


class _OfEachThread(_Mine, threading.local):
    """The same, once for each thread."""


class Face(ABC, Generic[StoreT]):
    """The arguments and methods of redis-py's lock, the latter as protocols."""

    def __init__(
        self,
        redis: Any,
        name: str | bytes,
        timeout: float | None = None,
        sleep: float = 0.1,
        blocking: bool = True,
        blocking_timeout: float | None = None,
        thread_local: bool = True,
        raise_on_release_error: bool = True,
    ) -> None:
        self.redis = redis
        self.name = name.decode() if isinstance(name, bytes) else name
        self.timeout = timeout
        self.sleep = sleep
        self.blocking = blocking
        self.blocking_timeout = blocking_timeout
        self.thread_local = bool(thread_local)
        self.raise_on_release_error = raise_on_release_error
        self.local: _Mine = _OfEachThread() if thread_local else _Mine()
        self.keys = PlainLockKeys(self.name)
        self._lease_ms = int((timeout or LIFE_S) * 1000)
        if self._lease_ms < 1:
            raise ConfigError(
                f"lock {self.name!r}: a timeout of {timeout!r} s is no time: give more, or None"
            )
        self._store: StoreT = self._open(redis)

    @abstractmethod
    def _open(self, client: Any) -> StoreT:
        """The store to speak with for this client of redis-py."""

    @property
    def lease(self) -> Lease | None:
        """The hold of this thread, with what redis-py has not: `fence`, `valid`, `assert_held()`."""
        return self.local.lease

    def wait_s(self, blocking: bool | None, blocking_timeout: float | None) -> float | None:
        """For how long to wait; None is without a limit."""
        if not (self.blocking if blocking is None else blocking):
            return 0.0
        limit = self.blocking_timeout if blocking_timeout is None else blocking_timeout
        return None if limit is None else max(0.0, limit)

    def attempt(self) -> Attempt:
        return Attempt(self.keys, new_token(), self._lease_ms, who_am_i())

    def acquiring(self, attempt: Attempt, wait_s: float | None, token: str | bytes | None) -> Protocol[bool]:
        """Is it held now? Whatever else ends this protocol, `abandon` must follow.

        A token that the caller chose may be in use elsewhere, so it is put in the place of our own only
        after that one was granted.
        """
        chosen = None if token is None else _text(token)
        grant = yield from protocol.acquire(attempt, wait_s, SYSTEM)
        if grant is None:
            return False
        if chosen is not None and not (yield from self._renamed(attempt.token, chosen)):
            return False
        self._note(chosen or attempt.token, grant)
        return True

    def _note(self, token: str, grant: Grant) -> None:
        lease = Lease(self.keys, token, grant, self._lease_ms / 1000, SYSTEM)
        if not self.timeout:
            keeper.keep(self._store, lease, MAX_HOLD_S, SYSTEM)
        self.local.token, self.local.lease = token.encode(), lease

    def releasing(self) -> Protocol[None]:
        """Give it back.

        Raises:
            LockError: of redis-py; this thread has no token.
            LockNotOwnedError: of redis-py; the token holds the lock no more.
        """
        token = self._token("Cannot release a lock that's not owned or is already unlocked.")
        lease = self.local.lease
        if lease is not None:
            keeper.let_go(self._store, lease)
            lease.end()
        known = lease if lease is not None and lease.token == token else None
        released = yield from self._released(token, known)
        self.local.token = self.local.lease = None
        if released is Released.NOT_YOURS:
            raise not_owned_error("Cannot release a lock that's no longer owned", self.name)

    def _released(self, token: str, known: Lease | None) -> Protocol[Released]:
        """A token from elsewhere may be released more than once, each time rightly: it gets a fresh one."""
        if known is None:
            fresh = new_token()
            if not (yield from self._renamed(token, fresh)):
                return Released.NOT_YOURS
            token = fresh
        return (yield from protocol.release(self.keys, token, note=known.note if known else ""))

    def _renamed(self, token: str, other: str) -> Protocol[bool]:
        call = RENAME.call(owner=self.keys.owner, token=token, other=other)
        return bool((yield from insist(call, within_s=INSIST_S)))

    def extending(self, seconds: float, how: Literal["add", "replace"], verb: str) -> Protocol[Literal[True]]:
        """More time, or another.

        Raises:
            LockError: of redis-py; this thread has no token, or the lock no timeout.
            LockNotOwnedError: of redis-py; the token holds the lock no more.
        """
        token = self._token(f"Cannot {verb} an unlocked lock")
        if self.timeout is None:
            raise lock_error(f"Cannot {verb} a lock with no timeout", self.name)
        call = EXTEND.call(
            owner=self.keys.owner,
            state=self.keys.state,
            token=token,
            more_ms=int(seconds * 1000),
            how=how,
            request=new_token(),
        )
        sent_s = SYSTEM.mono_s()
        left_ms = int((yield from insist(call, within_s=INSIST_S)))
        if not left_ms:
            raise not_owned_error(f"Cannot {verb} a lock that's no longer owned", self.name)
        if self.local.lease is not None:
            self.local.lease.extend(believed_until_s(sent_s, SYSTEM.mono_s(), left_ms / 1000))
        return True

    def owner(self) -> Protocol[bytes | None]:
        """The token of whoever holds it."""
        stored = yield from insist(Command(("GET", self.keys.owner)), within_s=INSIST_S)
        return stored.encode() if isinstance(stored, str) else stored

    def not_acquired(self) -> Exception:
        """The error of a `with` block that cannot begin."""
        return lock_error("Unable to acquire lock within the time specified", self.name)

    def forgives(self, problem: BaseException) -> bool:
        """Does a `with` block end well although the lock was lost? It is logged then."""
        if self.raise_on_release_error or not is_lock_error(problem):
            return False
        _LOG.warning("lock %r was released or lost before its block ended", self.name)
        return True

    def lapses(self, problem: StoreError) -> None:
        """An error on its way out matters more than an attempt that ends by itself."""
        _LOG.warning("an attempt on lock %r could not be given up, it lapses: %s", self.name, problem)

    def _token(self, complaint: str) -> str:
        if self.local.token is None:
            raise lock_error(complaint, self.name)
        return _text(self.local.token)


def _text(token: str | bytes) -> str:
    """The token as text.

    Raises:
        ValueError: bytes that are no text in UTF-8.
    """
    return token.decode() if isinstance(token, bytes) else token


@contextmanager
def redis_py_errors() -> Iterator[None]:
    """Errors of the store as redis-py would have raised them."""
    try:
        yield
    except StoreError as problem:
        raise as_redis_py(problem) from problem
