"""How does work follow other work? A call when all members of a group are done, a chain step by step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from onebeat.errors import BadPayload, ConfigError
from onebeat.keys import queue_keys
from onebeat.queue import record
from onebeat.queue.client import AsyncClient, Client, send
from onebeat.queue.default import default_async_client, default_client
from onebeat.queue.enqueue import Draft, new_ids
from onebeat.queue.following import call_id, gather
from onebeat.queue.handle import AsyncHandle, Handle
from onebeat.queue.known import make_known
from onebeat.wire import Protocol
from onebeat.worker.step import Step

WITHIN_S = 10.0  # how long one call is sent again while the store does not answer
CALLS_MAX = 10_000
CHAIN_BYTES_MAX = 60_000  # what follows travels in the header of each message


def _new_id() -> str:
    return new_ids(1)[0]


@dataclass(frozen=True, slots=True)
class GroupHandle:
    """A group that was queued: its id, the queue that counts its members, and what follows them."""

    id: str
    queue: str
    members: tuple[str, ...]
    then: Handle | AsyncHandle | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that run side by side, and one that is queued when all of them are done; made by `group`."""

    steps: tuple[Step, ...]
    then: Step | None
    id: str = field(default_factory=_new_id)

    @property
    def queue(self) -> str:
        """Where members are counted: there what follows is queued by the step that counts the last one."""
        return self.then.queue if self.then else self.steps[0].queue

    def delay(self) -> GroupHandle:
        """Queue all members.

        Raises:
            BadArguments, BadPayload, ConfigError: nothing was queued.
            StoreError: not all may be queued, and nothing follows until they are. Call it again within a day:
                what was queued is not queued twice.
        """
        client = default_client()
        client.store.run(self._send(client))
        return self._told(Handle(**self._follower(), store=client.store) if self.then else None)

    async def adelay(self) -> GroupHandle:
        """`delay`, awaited."""
        client = await default_async_client()
        await client.store.run(self._send(client))
        return self._told(AsyncHandle(**self._follower(), store=client.store) if self.then else None)

    def _send(self, client: Client | AsyncClient) -> Protocol[None]:
        head = record.Group(self.id, self.queue)
        drafts: dict[str, list[Draft]] = defaultdict(list)
        for number, step in enumerate(self.steps):
            drafts[step.queue].append(_once(step.draft(call_id(self.id, number), group=head)))
        then = self.then.draft(f"{self.id}.then").message if self.then else None
        keys = queue_keys(client.store.namespace, self.queue)
        yield from make_known(client.store.space, self.queue, within_s=WITHIN_S)
        # before its members: the first of them may be done before the last one is queued
        yield from gather(keys, self.id, len(self.steps), then, client.sender.ring, within_s=WITHIN_S)
        for queue, members in drafts.items():
            yield from send(client.store, queue, members, client.sender)

    def _told(self, then: Handle | AsyncHandle | None) -> GroupHandle:
        members = tuple(call_id(self.id, number) for number in range(len(self.steps)))
        return GroupHandle(self.id, self.queue, members, then)

    def _follower(self) -> dict[str, Any]:
        assert self.then is not None
        keeps = self.then.task.result_ttl_ms > 0
        return {"id": f"{self.id}.then", "queue": self.queue, "keeps": keeps, "before": ()}


@dataclass(frozen=True, slots=True)
class Chain:
    """Calls each of which is queued when the one before it is done; made by `chain`."""

    steps: tuple[Step, ...]
    passes: bool
    id: str = field(default_factory=_new_id)

    def delay(self) -> Handle:
        """Queue the first call; the handle is of the last one.

        Raises:
            BadArguments, BadPayload, ConfigError: nothing was queued.
            StoreError: it may or may not be queued. Call it again within a day: it is not queued twice.
        """
        client = default_client()
        client.store.run(self._send(client))
        return Handle(**self._last(), store=client.store)

    async def adelay(self) -> AsyncHandle:
        """`delay`, awaited."""
        client = await default_async_client()
        await client.store.run(self._send(client))
        return AsyncHandle(**self._last(), store=client.store)

    def _send(self, client: Client | AsyncClient) -> Protocol[None]:
        first, *rest = self.steps
        links = tuple(step.link(passed=self.passes) for step in rest)
        head = record.Chain(self.id, 1, links, self.passes) if links else None
        size = len(msgspec.msgpack.encode(head))
        if size > CHAIN_BYTES_MAX:
            raise BadPayload(
                f"the later calls of this chain take {size:,} bytes, over the limit of {CHAIN_BYTES_MAX:,}: "
                "store the content elsewhere and pass its address"
            )
        draft = _once(first.draft(call_id(self.id, 0), chain=head))
        queues = {link.queue for link in links} - client.sender.known
        if queues:
            yield from make_known(client.store.space, *sorted(queues), within_s=WITHIN_S)
        yield from send(client.store, first.queue, [draft], client.sender)

    def _last(self) -> dict[str, Any]:
        ids = [(call_id(self.id, number), step.queue) for number, step in enumerate(self.steps)]
        (id_, queue), step = ids.pop(), self.steps[-1]
        return {"id": id_, "queue": queue, "keeps": step.task.result_ttl_ms > 0, "before": tuple(ids)}


def group(steps: Sequence[Step], then: Step | None = None) -> Group:
    """`group([a.s(1), b.s(2)], then=c.s()).delay()`: c is queued once, when a and b are done.

    A member that fails for good keeps the group open; when it is run again and done, it counts.

    Raises:
        ConfigError: no member, or more than 10 000.
    """
    return Group(_checked("group", steps), then)


def chain(*steps: Step, pass_result: bool = False) -> Chain:
    """`chain(a.s(1), b.s(), c.s()).delay()`: each is queued once, when the one before it is done.

    `pass_result`: what a call returned is the first argument of the next; one that cannot be stored fails it.

    Raises:
        ConfigError: no call, or more than 10 000.
    """
    return Chain(_checked("chain", steps), pass_result)


def _checked(what: str, steps: Sequence[Step]) -> tuple[Step, ...]:
    if not 0 < len(steps) <= CALLS_MAX:
        raise ConfigError(f"a {what} has 1 to {CALLS_MAX:,} calls, not {len(steps)}")
    for one in steps:
        if not isinstance(one, Step):
            raise ConfigError(f"a {what} is made of calls not queued yet, task.s(…); {one!r:.60} is none")
    return tuple(steps)


def _once(draft: Draft) -> Draft:
    """`draft`, stored once however often it is sent."""
    return replace(draft, key=draft.message.id)
