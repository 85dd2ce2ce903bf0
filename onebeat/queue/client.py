"""How does a program put a task call into a queue? `Client`, and `AsyncClient` that awaits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from onebeat.clock import SYSTEM
from onebeat.errors import BadPayload
from onebeat.keys import PRIORITIES, queue_keys
from onebeat.queue import payload
from onebeat.queue.durability import check, read_durability
from onebeat.queue.enqueue import Draft, Sent, enqueue, new_ids
from onebeat.queue.handle import (
    AsyncHandle,
    Handle,
    aprogress_of,
    async_handles,
    await_for,
    handles,
    progress_of,
    read_result_ttl,
    wait_for,
)
from onebeat.queue.known import make_known
from onebeat.queue.outgoing import LOOKS, looked_at
from onebeat.queue.progress import Progress
from onebeat.queue.record import Header, Message
from onebeat.queue.sender import Sender
from onebeat.queue.signing import KeyRing
from onebeat.queue.whole import AsyncQueue, Queue
from onebeat.wire import AsyncStore, Protocol, Store

if TYPE_CHECKING:
    from typing import Self

WITHIN_S = 10.0  # how long a call is sent again while the store does not answer
TASK_NAME_MAX = 256
KEY_MAX = 1024
_DELAY_MAX_S = 10 * 366 * 86_400


def draft(
    name: str,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
    delay: float | None = None,
    priority: int = 0,
    flags: int = 0,
    header: Header | None = None,
    id_: str | None = None,
    unique: str | None = None,
    result_ttl: str | None = None,
) -> Draft:
    """A message for one call of the task `name`, as `Client.enqueue` takes it; `id_` of `new_ids`.

    Raises:
        BadPayload: name, arguments, delay or priority cannot be stored.
    """
    _check_text("task name", name, TASK_NAME_MAX)
    for kind, text in (("key", key), ("unique", unique)):
        if text:
            _check_text(kind, text, KEY_MAX)
    if type(args) not in (tuple, list) and (isinstance(args, (str, bytes)) or not isinstance(args, Sequence)):
        raise BadPayload(
            f"args of {name} must be a list or tuple, not {type(args).__name__}: write args=({args!r},)"
        )
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise BadPayload(f"kwargs of {name} must be a mapping, not {type(kwargs).__name__}")
    if not isinstance(priority, int) or not 0 <= priority < PRIORITIES:
        raise BadPayload(f"priority {priority!r} of {name} must be 0 (first) to {PRIORITIES - 1}")
    if delay is not None and not (isinstance(delay, (int, float)) and 0 <= delay <= _DELAY_MAX_S):
        raise BadPayload(f"delay {delay!r} of {name} must be 0 to {_DELAY_MAX_S} seconds")
    message = Message(
        id=id_ or new_ids(1)[0],
        header=_header(header or Header(name, result_ttl_ms=_ttl_ms(result_ttl)), key or "", unique or ""),
        body=payload.encode(args, kwargs or {}),
        priority=priority,
        flags=flags,
        enqueued_ms=SYSTEM.wall_ms(),
    )
    return Draft(message, delay_ms=round(delay * 1000) if delay else 0, key=key or "")


def _ttl_ms(result_ttl: str | None) -> int | None:
    return None if result_ttl is None else read_result_ttl(result_ttl)


def _check_text(kind: str, text: str, length: int) -> None:
    if not isinstance(text, str) or not 0 < len(text) <= length:
        raise BadPayload(f"{kind} {text!r:.80} must be text of 1 to {length} characters")
    if not text.isascii():
        payload.check_text(text, f"{kind} {text!r}")


def _header(header: Header, key: str, unique: str) -> Header:
    """`header` with the business key, and the singleton for which it is queued once."""
    return replace(header, key=key, unique=unique) if key or unique else header


def send(
    driver: Store | AsyncStore,
    queue: str,
    drafts: Sequence[Draft],
    sender: Sender,
    durability: str | None = None,
) -> Protocol[list[Sent]]:
    """Store `drafts` in `queue`, and the queue's name where operators look for it (once)."""
    keys = queue_keys(driver.namespace, queue)
    level = read_durability(durability or sender.durability)
    if level is not None and level not in sender.confirms:
        yield from check(level, within_s=WITHIN_S)
        sender.confirms.add(level)
    if LOOKS:
        drafts = looked_at(queue, drafts)
    if queue not in sender.known:
        yield from make_known(driver.space, queue, within_s=WITHIN_S)
        sender.known.add(queue)
    return (yield from enqueue(keys, drafts, sender.lanes, sender.ring, within_s=WITHIN_S, durability=level))


def drafts_of(
    calls: Sequence[tuple[str, Sequence[Any], Mapping[str, Any] | None]],
) -> list[Draft]:
    """A message for each of `(name, args, kwargs)`; raises as `draft` does, before anything is sent."""
    ids = new_ids(len(calls))
    return [draft(*call, id_=id_) for call, id_ in zip(calls, ids, strict=True)]


class Client:
    """Puts calls into queues, signed when `ring` or the environment has keys. Threads may share one.

    Raises:
        ConfigError: the environment's keys cannot be read.
    """

    def __init__(self, store: Store, ring: KeyRing | None = None, durability: str | None = None) -> None:
        self.store = store
        self.sender = Sender(ring, durability)

    @classmethod
    def from_url(cls, url: str, namespace: str = "onebeat", durability: str | None = None) -> Self:
        """A client of the store at `url` (docs/reference/store.md); connects when first used."""
        return cls(Store.open(url, namespace), durability=durability)

    def enqueue(
        self,
        name: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        queue: str = "default",
        key: str | None = None,
        delay: float | None = None,
        priority: int = 0,
        unique: str | None = None,
        result_ttl: str | None = None,
        durability: str | None = None,
    ) -> Handle:
        """Queue one call of the task `name`.

        `key`: the same key within a day is stored once and its effect happens once; `delay` in seconds.
        `unique`: while a call with the same text is queued or runs, another one is not queued in that queue
        (`Handle.refused`); a task with `@singleton(scope="queued")` says it by itself. `result_ttl`: for how
        long its result is kept ("1h"), for `Handle.result`. `durability`: `default`, `fsync`, `replicated` or
        `replicated:2`, in place of the client's (`durability.py`).

        Raises:
            BadPayload: arguments that cannot be stored.
            IdempotencyConflict: `key` was used with other arguments.
            NotConfirmed: it is queued, and not as durable as asked after 10 s.
            StoreError: the store did not answer for 10 s; the call may or may not be queued.
        """
        one = draft(
            name,
            args,
            kwargs,
            key=key,
            delay=delay,
            priority=priority,
            unique=unique,
            result_ttl=result_ttl,
        )
        return self._send(queue, [one], durability)[0]

    def enqueue_many(
        self,
        calls: Sequence[tuple[str, Sequence[Any], Mapping[str, Any] | None]],
        queue: str = "default",
        durability: str | None = None,
    ) -> list[Handle]:
        """Queue `(name, args, kwargs)` calls in order, 256 in a round trip; raises as `enqueue` does."""
        return self._send(queue, drafts_of(calls), durability)

    def send_drafts(self, queue: str, drafts: Sequence[Draft]) -> list[Handle]:
        """Queue prepared messages (what `Task.enqueue` uses)."""
        return self._send(queue, drafts)

    def _send(self, queue: str, drafts: Sequence[Draft], durability: str | None = None) -> list[Handle]:
        sent = self.store.run(send(self.store, queue, drafts, self.sender, durability))
        return handles(self.store, queue, drafts, sent)

    def result(self, id: str, queue: str = "default", timeout: float | None = None) -> Any:
        """What the message `id` of `queue` returned; waits and raises as `Handle.result`."""
        return wait_for(self.store, id, queue, timeout)

    def progress(self, id: str, queue: str = "default") -> Progress | None:
        """How far the run of the message `id` says that it is; see `Handle.progress`."""
        return progress_of(self.store, id, queue)

    def queue(self, name: str = "default") -> Queue:
        """The queue of that name, to be looked after."""
        return Queue(self.store, name)

    def close(self) -> None:
        """Close the connections."""
        self.store.close()


class AsyncClient:
    """The asyncio twin of `Client`: the same names, awaited. Belongs to one event loop."""

    def __init__(self, store: AsyncStore, ring: KeyRing | None = None, durability: str | None = None) -> None:
        self.store = store
        self.sender = Sender(ring, durability)

    @classmethod
    def from_url(cls, url: str, namespace: str = "onebeat", durability: str | None = None) -> Self:
        """A client of the store at `url`; connects when first used."""
        return cls(AsyncStore.open(url, namespace), durability=durability)

    async def enqueue(
        self,
        name: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        queue: str = "default",
        key: str | None = None,
        delay: float | None = None,
        priority: int = 0,
        unique: str | None = None,
        result_ttl: str | None = None,
        durability: str | None = None,
    ) -> AsyncHandle:
        """Queue one call; see `Client.enqueue`."""
        one = draft(
            name,
            args,
            kwargs,
            key=key,
            delay=delay,
            priority=priority,
            unique=unique,
            result_ttl=result_ttl,
        )
        return (await self._send(queue, [one], durability))[0]

    async def enqueue_many(
        self,
        calls: Sequence[tuple[str, Sequence[Any], Mapping[str, Any] | None]],
        queue: str = "default",
        durability: str | None = None,
    ) -> list[AsyncHandle]:
        """Queue `(name, args, kwargs)` calls in order; see `Client.enqueue_many`."""
        return await self._send(queue, drafts_of(calls), durability)

    async def send_drafts(self, queue: str, drafts: Sequence[Draft]) -> list[AsyncHandle]:
        """Queue prepared messages (what `Task.enqueue` uses)."""
        return await self._send(queue, drafts)

    async def _send(
        self, queue: str, drafts: Sequence[Draft], durability: str | None = None
    ) -> list[AsyncHandle]:
        sent = await self.store.run(send(self.store, queue, drafts, self.sender, durability))
        return async_handles(self.store, queue, drafts, sent)

    async def result(self, id: str, queue: str = "default", timeout: float | None = None) -> Any:
        """What the message `id` of `queue` returned; see `Client.result`."""
        return await await_for(self.store, id, queue, timeout)

    async def progress(self, id: str, queue: str = "default") -> Progress | None:
        """How far the run of the message `id` says that it is; see `Handle.progress`."""
        return await aprogress_of(self.store, id, queue)

    def queue(self, name: str = "default") -> AsyncQueue:
        """The queue of that name, to be looked after."""
        return AsyncQueue(self.store, name)

    async def close(self) -> None:
        """Close the connections."""
        await self.store.close()
