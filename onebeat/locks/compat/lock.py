"""How does blocking code hold a lock with redis-py's words?"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from weakref import WeakKeyDictionary

from onebeat.errors import StoreError
from onebeat.locks import protocol
from onebeat.locks.calls import Attempt
from onebeat.locks.compat.face import DEADLINE_S, Face, redis_py_errors
from onebeat.locks.door import store_of
from onebeat.wire import Protocol, Store
from onebeat.wire.twin import twin

T = TypeVar("T")
_TWINS: WeakKeyDictionary[Any, Store] = WeakKeyDictionary()


class Lock(Face[Store]):
    """`redis.lock.Lock`, fair and fenced: a drop-in for code and tests that were written for that one.

    A lock with a `timeout` ends after it, as there. One without is renewed while its process lives, and is
    free half a minute after the process died, where redis-py's would stay for ever. `sleep` is not used:
    a waiter is woken.
    """

    def _open(self, client: Any) -> Store:
        return _twin_of(client)

    def __enter__(self) -> Self:
        if self.acquire():
            return self
        raise self.not_acquired()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.release()
        except Exception as failure:
            if not self.forgives(failure):
                raise

    def acquire(
        self,
        sleep: float | None = None,
        blocking: bool | None = None,
        blocking_timeout: float | None = None,
        token: str | bytes | None = None,
    ) -> bool:
        """Whether it is held now; False when it was not free in time."""
        attempt = self.attempt()
        try:
            return self._run(self.acquiring(attempt, self.wait_s(blocking, blocking_timeout), token))
        except BaseException:
            self._abandon(attempt)
            raise

    def locked(self) -> bool:
        """Does anybody hold it?"""
        return self._run(self.owner()) is not None

    def owned(self) -> bool:
        """Does this thread hold it?"""
        stored = self._run(self.owner())
        return self.local.token is not None and stored == self.local.token

    def release(self) -> None:
        """Give it back; the next waiter has it at once."""
        self._run(self.releasing())

    def extend(self, additional_time: float, replace_ttl: bool = False) -> Literal[True]:
        """Add seconds to what is left, or replace what is left by them."""
        return self._run(self.extending(additional_time, "replace" if replace_ttl else "add", "extend"))

    def reacquire(self) -> Literal[True]:
        """Start the timeout again."""
        return self._run(self.extending(self.timeout or 0.0, "replace", "reacquire"))

    def _run(self, work: Protocol[T]) -> T:
        with redis_py_errors():
            return self._store.run(work)

    def _abandon(self, attempt: Attempt) -> None:
        try:
            self._store.run(protocol.abandon(attempt.keys, attempt.token))
        except StoreError as problem:
            self.lapses(problem)


def _twin_of(client: Any) -> Store:
    """A store on connections of our own to the client's server, one for each client.

    The client's own may retry a call for a minute (redis-py 8 does by default), or give up on a waiter's
    blocking read. One of an unknown kind (Sentinel, a cluster) is used as it is: any script may be repeated.
    """
    if client not in _TWINS:
        made = twin(store_of(client), DEADLINE_S)
        if made.client is client:
            return made
        _TWINS.setdefault(client, made)
    return _TWINS[client]
