"""What does a program hold of a call that it queued? Its id, and later its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from onebeat.durations import parse_ms
from onebeat.errors import ConfigError, NoResult
from onebeat.keys import queue_keys
from onebeat.queue.enqueue import Draft, Sent
from onebeat.queue.progress import Progress, progress
from onebeat.queue.results import result
from onebeat.wire import AsyncStore, Protocol, Store

WITHIN_S = 10.0  # how long one call is sent again while the store does not answer
RESULT_TTL_MAX_MS = 366 * 86_400_000
Before: TypeAlias = tuple[tuple[str, str], ...] | None


@dataclass(frozen=True, slots=True)
class Ticket:
    """What both kinds of handle know.

    `existing`: its key had been used, so `id` names the earlier call. `refused`: it was not queued, because
    the call that `id` names is queued or runs for the same singleton (`scope="queued"`). `keeps`: its result
    was asked for. `before`: id and queue of the calls after which this one is queued; None: it is queued.
    """

    id: str
    existing: bool = False
    refused: bool = False
    queue: str = field(default="", compare=False)
    keeps: bool = field(default=False, compare=False)
    before: Before = field(default=None, compare=False, repr=False)

    def _demand(self) -> None:
        if not self.keeps:
            raise NoResult(
                f"message {self.id} keeps no result: declare its task with @task(result_ttl='1h'), or say "
                "client.enqueue(…, result_ttl='1h')"
            )


@dataclass(frozen=True, slots=True)
class Handle(Ticket):
    """A queued call."""

    store: Store | None = field(default=None, compare=False, repr=False)

    def result(self, timeout: float | None = None) -> Any:
        """What the task returned, in plain types; waits for it up to `timeout` seconds, None: without an end.

        Raises:
            WaitTimeout: it is not over. RunFailed: it failed for good, was skipped or expired.
            RunCancelled: it was cancelled. NoResult: nobody asked for a result, or its time is over.
        """
        self._demand()
        assert self.store is not None  # who keeps a result was sent by a client
        return wait_for(self.store, self.id, self.queue, timeout, self.before)

    def progress(self) -> Progress | None:
        """How far its run says that it is (`ctx.progress`); None when it has not said so, or does not run."""
        assert self.store is not None, "this handle was not given by a client"
        return progress_of(self.store, self.id, self.queue)


@dataclass(frozen=True, slots=True)
class AsyncHandle(Ticket):
    """The asyncio twin of `Handle`."""

    store: AsyncStore | None = field(default=None, compare=False, repr=False)

    async def result(self, timeout: float | None = None) -> Any:
        """What the task returned; see `Handle.result`."""
        self._demand()
        assert self.store is not None
        return await await_for(self.store, self.id, self.queue, timeout, self.before)

    async def progress(self) -> Progress | None:
        """How far its run says that it is; see `Handle.progress`."""
        assert self.store is not None, "this handle was not given by a client"
        return await aprogress_of(self.store, self.id, self.queue)


def progress_of(store: Store, id_: str, queue: str) -> Progress | None:
    """How far the run of a message is; see `Handle.progress`."""
    return store.run(progress(queue_keys(store.namespace, queue), id_, within_s=WITHIN_S))


async def aprogress_of(store: AsyncStore, id_: str, queue: str) -> Progress | None:
    """`progress_of`, awaited."""
    return await store.run(progress(queue_keys(store.namespace, queue), id_, within_s=WITHIN_S))


def wait_for(store: Store, id_: str, queue: str, timeout_s: float | None, before: Before = None) -> Any:
    """The result of a message; see `Handle.result`."""
    return store.run(_result(store.namespace, id_, queue, timeout_s, before))


async def await_for(
    store: AsyncStore, id_: str, queue: str, timeout_s: float | None, before: Before = None
) -> Any:
    """`wait_for`, awaited."""
    return await store.run(_result(store.namespace, id_, queue, timeout_s, before))


def _result(namespace: str, id_: str, queue: str, timeout_s: float | None, before: Before) -> Protocol[Any]:
    places = None if before is None else [(queue_keys(namespace, there), one) for one, there in before]
    return result(queue_keys(namespace, queue), id_, timeout_s, within_s=WITHIN_S, before=places)


def handles(store: Store, queue: str, drafts: Sequence[Draft], sent: Sequence[Sent]) -> list[Handle]:
    """A handle for each of `sent`."""
    return [
        Handle(one.id, one.existing, one.refused, queue, draft.result_ttl_ms > 0, store=store)
        for draft, one in zip(drafts, sent, strict=True)
    ]


def async_handles(
    store: AsyncStore, queue: str, drafts: Sequence[Draft], sent: Sequence[Sent]
) -> list[AsyncHandle]:
    """The asyncio twin of `handles`."""
    return [
        AsyncHandle(one.id, one.existing, one.refused, queue, draft.result_ttl_ms > 0, store=store)
        for draft, one in zip(drafts, sent, strict=True)
    ]


def read_result_ttl(text: str) -> int:
    """Milliseconds for which a result is kept.

    Raises:
        InvalidDuration: not a duration. ConfigError: none, or longer than a year.
    """
    ttl_ms = parse_ms(text)
    if not 0 < ttl_ms <= RESULT_TTL_MAX_MS:
        raise ConfigError(f"result_ttl {text!r} must be longer than nothing and at most 366d")
    return ttl_ms
