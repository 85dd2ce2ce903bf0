"""What is a task? A function with a name, a queue and rules, that can be called later and elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

from msgspec.structs import replace

from onebeat.errors import AlreadyQueued, ConfigError
from onebeat.keys import PRIORITIES, checked
from onebeat.locks.policy import OnConflict, Scope, Singleton
from onebeat.queue import payload
from onebeat.queue.client import draft
from onebeat.queue.default import default_async_client, default_client
from onebeat.queue.enqueue import Draft
from onebeat.queue.handle import AsyncHandle, Handle, read_result_ttl
from onebeat.queue.record import LIMITED, RECORDED, Header, Message, RetryPolicy
from onebeat.worker.bounds import Bounds, Concurrency
from onebeat.worker.limits import Limits
from onebeat.worker.rates import Rate
from onebeat.worker.registry import REGISTRY, name_of
from onebeat.worker.retry import policy_of
from onebeat.worker.signature import Signature
from onebeat.worker.step import Step

P = ParamSpec("P")
R = TypeVar("R")
AnyHandle = TypeVar("AnyHandle", Handle, AsyncHandle)
_ERRORS = tuple[type[BaseException], ...]


class Task(Generic[P, R]):
    """A registered function. Calling it runs it here and now; `delay` queues the call."""

    __onebeat_task__ = True

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None,
        queue: str,
        priority: int,
        limits: Limits,
        bounds: Bounds | None,
        retries: RetryPolicy,
        retry_on: _ERRORS,
        give_up_on: _ERRORS,
        idempotent: bool,
        record: bool,
        result_ttl_ms: int,
    ) -> None:
        self.singleton: Singleton | None = getattr(function, "__onebeat_singleton__", None)
        # the worker itself takes the singleton's lock, so that its fence reaches the ledger
        inner: Callable[P, R] = getattr(function, "__wrapped__", function)
        self.function = inner if self.singleton else function
        self.name = name or name_of(self.function)
        self.queue = checked("queue", queue)
        self.priority = _checked_priority(self.name, priority)
        self.limits = limits
        self.bounds = bounds
        self.retries = retries
        self.retry_on = retry_on
        self.give_up_on = give_up_on
        self.idempotent = idempotent
        self.record = record
        self.result_ttl_ms = result_ttl_ms  # 0: nobody keeps what it returns
        self.signature = Signature(self.name, self.function)
        limits.check(self.name, is_async=self.signature.is_async)
        functools.update_wrapper(self, self.function)
        REGISTRY.add(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    @property
    def uses_ledger(self) -> bool:
        """Whether its effects happen once: it takes a session, or says so."""
        return self.idempotent or self.signature.session_name is not None

    def delay(self, *args: Any, **kwargs: Any) -> Handle:
        """Queue a call with these arguments; see `enqueue`."""
        return self.enqueue(args, kwargs)

    async def adelay(self, *args: Any, **kwargs: Any) -> AsyncHandle:
        """`delay`, awaited."""
        return await self.aenqueue(args, kwargs)

    def enqueue(
        self,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        delay: float | None = None,
        priority: int | None = None,
        queue: str | None = None,
    ) -> Handle:
        """Queue a call. `key` makes it idempotent; `delay` in seconds.

        Raises:
            BadArguments: they do not fit the signature or its types.
            AlreadyQueued: for a singleton with scope="queued" and on_conflict="fail"; with another
            on_conflict the handle says `refused`.
        BadPayload, IdempotencyConflict, StoreError: as `Client.enqueue`.
        """
        one = self._draft(args, kwargs, key, delay, priority)
        return self._told(default_client().send_drafts(queue or self.queue, [one]))[0]

    async def aenqueue(
        self,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        delay: float | None = None,
        priority: int | None = None,
        queue: str | None = None,
    ) -> AsyncHandle:
        """`enqueue`, awaited."""
        one = self._draft(args, kwargs, key, delay, priority)
        client = await default_async_client()
        return self._told(await client.send_drafts(queue or self.queue, [one]))[0]

    def enqueue_many(
        self, calls: Sequence[tuple[Sequence[Any], Mapping[str, Any] | None]], *, queue: str | None = None
    ) -> list[Handle]:
        """Queue `(args, kwargs)` calls in order, 256 in a round trip; raises as `enqueue` does."""
        drafts = [self._draft(*call, None, None, None) for call in calls]
        return self._told(default_client().send_drafts(queue or self.queue, drafts))

    async def aenqueue_many(
        self, calls: Sequence[tuple[Sequence[Any], Mapping[str, Any] | None]], *, queue: str | None = None
    ) -> list[AsyncHandle]:
        """`enqueue_many`, awaited."""
        drafts = [self._draft(*call, None, None, None) for call in calls]
        client = await default_async_client()
        return self._told(await client.send_drafts(queue or self.queue, drafts))

    def s(self, *args: Any, **kwargs: Any) -> Step:
        """A call that is queued later, as a member of a `group` or a step of a `chain`."""
        return Step(self, args, kwargs)

    def _told(self, handles: list[AnyHandle]) -> list[AnyHandle]:
        """The handles, if none was refused that must not be."""
        lost = next((one for one in handles if one.refused), None)
        if lost is not None and self.singleton is not None and self.singleton.on_conflict is OnConflict.FAIL:
            raise AlreadyQueued(
                f"a call of {self.name} is queued or runs for the same singleton, as message {lost.id}: this "
                "one was not queued; call again when it is over",
                id=lost.id,
            )
        return handles

    def unique(self, given: Mapping[str, Any]) -> str | None:
        """Under which name a call with the arguments `given` (as `fit` said) is queued once; None for any."""
        if self.singleton is None or self.singleton.scope is not Scope.QUEUED:
            return None
        if self.singleton.key is None:
            return self.name  # what a schedule calls it, too
        args, kwargs = self.signature.place(given, {})
        return self.singleton.key_for(self.function, args, kwargs)

    def bounded(self, message: Message, given: Mapping[str, Any]) -> Message:
        """`message`, a call with the arguments `given`, with the bounds of this task in it.

        Raises:
            BadArguments: their key cannot be made.
        """
        if self.bounds is None or message.flags & LIMITED:
            return message
        args, kwargs = self.signature.place(given, {})
        return self.bounds.put(message, self.name, self.function, args, kwargs)

    def wants_again(self, kind: type[BaseException]) -> bool:
        """Whether a run that ends with such an exception is tried again, as far as retries are left."""
        return issubclass(kind, self.retry_on) and not issubclass(kind, self.give_up_on)

    def _draft(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any] | None,
        key: str | None,
        delay: float | None,
        priority: int | None,
    ) -> Draft:
        flags = RECORDED if self.record else 0
        level = self.priority if priority is None else priority
        header = Header(self.name, result_ttl_ms=self.result_ttl_ms or None)
        one = draft(self.name, args, kwargs, key=key, delay=delay, priority=level, flags=flags, header=header)
        # checked as the worker will see them: after a round trip through the stored form
        given = self.signature.fit(*payload.decode(one.message.body))
        message, name = self.bounded(one.message, given), self.unique(given)
        if name is not None:
            message = replace(message, header=replace(message.header, unique=name))
        return one if message is one.message else replace(one, message=message)


def _checked_priority(name: str, priority: int) -> int:
    if not 0 <= priority < PRIORITIES:
        raise ConfigError(f"task {name}: priority {priority!r} must be 0 (first) to {PRIORITIES - 1}")
    return priority


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task(
    *,
    name: str | None = None,
    queue: str = "default",
    priority: int = 0,
    timeout: str | None = None,
    hard_timeout: str | None = None,
    pool: Literal["thread", "process"] = "thread",
    concurrency: Concurrency | None = None,
    rate: str | Rate | None = None,
    retries: int = 0,
    backoff: str = "exponential",
    delay: str = "10s",
    max_delay: str = "10m",
    retry_on: _ERRORS = (Exception,),
    give_up_on: _ERRORS = (),
    idempotent: bool = False,
    record: bool = False,
    result_ttl: str | None = None,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    queue: str = "default",
    priority: int = 0,
    timeout: str | None = None,
    hard_timeout: str | None = None,
    pool: Literal["thread", "process"] = "thread",
    concurrency: Concurrency | None = None,
    rate: str | Rate | None = None,
    retries: int = 0,
    backoff: str = "exponential",
    delay: str = "10s",
    max_delay: str = "10m",
    retry_on: _ERRORS = (Exception,),
    give_up_on: _ERRORS = (),
    idempotent: bool = False,
    record: bool = False,
    result_ttl: str | None = None,
) -> Any:
    """Register a function as a task: `@task` or `@task(queue="reports", retries=3, timeout="10m")`.

    `name`: `module:function` when not given. `timeout`, `hard_timeout`, `delay`, `max_delay`: durations with
    a unit. A run longer than `timeout` is told to end by an exception; one longer than `hard_timeout` is
    ended with its process, which costs the others in it a second start. With `pool="process"` a function
    that computes runs in a process of its own, and costs no others anything. `retries`: tries after the
    first, each after an exponential backoff with full jitter (or `constant`), for exceptions in `retry_on`
    and not in `give_up_on`. `concurrency`: as `{"key": "{tenant}", "limit": 2}`; of one key in a queue so
    many run at once, over all workers. `rate`: as `"100/m"`, or `{"key": "{tenant}", "limit": "100/m"}`; of
    one key so many start in that time. `idempotent`: its call is in the ledger although it takes no session.
    `record`: its successful ad-hoc calls appear in the history too. `result_ttl`: what it returns is kept for
    so long, for `Handle.result`; a result that cannot be stored fails the run.

    Raises:
        ConfigError: a rule that cannot be meant.
    """
    limits = Limits.read(timeout, hard_timeout, pool)
    bounds = Bounds.read(concurrency, rate)
    policy = policy_of(retries, backoff, delay, max_delay)
    ttl_ms = read_result_ttl(result_ttl) if result_ttl is not None else 0

    def register(target: Callable[..., Any]) -> Task[Any, Any]:
        if bounds is not None:
            bounds.check(target)
        return Task(
            target,
            name=name,
            queue=queue,
            priority=priority,
            limits=limits,
            bounds=bounds,
            retries=policy,
            retry_on=retry_on,
            give_up_on=give_up_on,
            idempotent=idempotent,
            record=record,
            result_ttl_ms=ttl_ms,
        )

    return register(function) if function is not None else register
