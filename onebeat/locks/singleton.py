"""How does a function run once at a time, wherever it is called?"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar, overload

from onebeat.errors import ConfigError
from onebeat.locks.alock import AsyncLock
from onebeat.locks.key import KeyRule, default_key
from onebeat.locks.lease import Lease
from onebeat.locks.lock import Lock
from onebeat.locks.policy import Singleton, conflict, needs_worker, policy_of
from onebeat.locks.validity import checked_lease_ms, checked_wait_s
from onebeat.locks.view import Holder
from onebeat.wire.default import default_async_store, default_store

F = TypeVar("F", bound=Callable[..., Any])
_LOG = logging.getLogger("onebeat.locks")
_CURRENT: ContextVar[Lease | None] = ContextVar("onebeat_lease", default=None)


def current_lease() -> Lease | None:
    """The lease under which the running singleton runs: its fence, `assert_held()`; None outside of one."""
    return _CURRENT.get()


@overload
def singleton(fn: F, /) -> F: ...


@overload
def singleton(
    *,
    key: KeyRule = None,
    scope: str = "run",
    on_conflict: str = "skip",
    wait: float = 0.0,
    lease: float = 10.0,
    at_least: float = 0.0,
    keep: str = "all",
    client: Any = None,
) -> Callable[[F], F]: ...


def singleton(
    fn: Any = None,
    /,
    *,
    key: KeyRule = None,
    scope: str = "run",
    on_conflict: str = "skip",
    wait: float = 0.0,
    lease: float = 10.0,
    at_least: float = 0.0,
    keep: str = "all",
    client: Any = None,
) -> Any:
    """Run a function, a coroutine function or an onebeat task once at a time per key.

    The result and the exceptions of the function pass through. A task is locked by its worker.

    Args:
        key: a template over the parameters (`"report:{day}"`), or a function of the same arguments;
            default: the qualified name.
        scope: `run` (the lock is held while it runs), or, for tasks, `queued` (also, while a call is queued
            or runs, another one is not queued in the same queue: its handle says `refused` and has the id
            of the first; with `fail` it raises AlreadyQueued).
        on_conflict: `skip` (return None), `wait` (LockTimeout after `wait`), `fail` (LockHeld), or, for
            tasks, `park` (the message waits in the queue, no worker and no attempt is used up) or `replace`
            (the run that holds it is cancelled; LockTimeout when it has not let go after `wait`, or, without
            one, a lease).
        keep: with `park`, `all` calls of a key wait for their turn, or only the `last` one.
        wait: seconds to queue for the lock before that, fairly.
        lease: seconds after which the lock of a dead process is free.
        at_least: seconds for which the lock stays shut, even if the call ends before.
        client: what `Lock` (`AsyncLock` for a coroutine function) takes; default: the store that the
            command line would find (`ONEBEAT_REDIS_URL`, a running `onebeat up`).

    Raises:
        ConfigError: at decoration; a key that names no parameter, or options that contradict.
        LeaseLost: at the end of a call (a coroutine is cancelled) whose lock was lost while it ran.
    """
    checked_lease_ms(lease)
    checked_wait_s(wait)
    policy = policy_of(key, on_conflict, wait, lease, at_least, scope, keep)

    def decorate(target: Any) -> Any:
        policy.check(target)
        if getattr(target, "__onebeat_task__", False):
            target.singleton = policy
            return target
        if inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target):
            raise ConfigError(f"@singleton on {target.__qualname__}: a generator runs after its call is over")
        once = _async_once if inspect.iscoroutinefunction(target) else _once
        wrapped = once(target, policy, client)
        wrapped.__onebeat_singleton__ = policy
        return wrapped

    return decorate if fn is None else decorate(fn)


def _once(fn: Callable[..., Any], policy: Singleton, client: Any) -> Any:
    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        if problem := needs_worker(policy, default_key(fn)):
            raise problem
        name = policy.key_for(fn, args, kwargs)
        store = default_store() if client is None else client
        lock = Lock(store, name, policy.lease_s, at_least=policy.at_least_s, task=default_key(fn))
        lease = lock.acquire(policy.wait_s)
        if lease is None:
            return _not_run(policy, name, lock.peek())
        with lock.keeping(lease):
            mark = _CURRENT.set(lease)
            try:
                return fn(*args, **kwargs)
            finally:
                _CURRENT.reset(mark)

    return call


def _async_once(fn: Callable[..., Any], policy: Singleton, client: Any) -> Any:
    @functools.wraps(fn)
    async def call(*args: Any, **kwargs: Any) -> Any:
        if problem := needs_worker(policy, default_key(fn)):
            raise problem
        name = policy.key_for(fn, args, kwargs)
        store = await default_async_store() if client is None else client
        lock = AsyncLock(store, name, policy.lease_s, at_least=policy.at_least_s, task=default_key(fn))
        lease = await lock.acquire(policy.wait_s)
        if lease is None:
            return _not_run(policy, name, await lock.peek())
        async with lock.keeping(lease):
            mark = _CURRENT.set(lease)
            try:
                return await fn(*args, **kwargs)
            finally:
                _CURRENT.reset(mark)

    return call


def _not_run(policy: Singleton, name: str, holder: Holder | None) -> None:
    problem = conflict(policy, name, holder)
    if problem is not None:
        raise problem
    _LOG.info("singleton %r was skipped: held by %s", name, holder or "one that just ended")
