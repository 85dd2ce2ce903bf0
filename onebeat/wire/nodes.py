"""How does a call reach the server that a guide names? Through connections of each server's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from onebeat.wire import connect
from onebeat.wire.cluster import ClusterGuide
from onebeat.wire.drive import drive, drive_async
from onebeat.wire.guides import At, Guide, Route
from onebeat.wire.lines import Awaited, Lines
from onebeat.wire.sentinel import SentinelGuide
from onebeat.wire.urls import Kind, Place

if TYPE_CHECKING:
    import redis.asyncio

OWN_S = 1.0  # a guide's question about the servers is answered within this, or another one is asked


def guide_to(place: Place) -> Guide | None:
    """What finds the server; None where there is only one."""
    if place.kind is Kind.SENTINEL:
        return SentinelGuide(place)
    return ClusterGuide(place) if place.kind is Kind.CLUSTER else None


def _url_of(place: Place, at: At) -> str:
    return place.sentinel_url_of(at.node) if at.sentinel else place.url_of(at.node)


class Nodes:
    """`Lines` to several servers: the same methods. Safe to share between threads."""

    def __init__(self, place: Place, guide: Guide, deadline_s: float) -> None:
        self._place, self._guide, self._deadline_s = place, guide, deadline_s
        self._lines: dict[tuple[str, bool], Lines] = {}

    def send(self, words: tuple[Any, ...]) -> Any:
        """The answer of the right server; raises as `Lines.send`, after two deadlines at most."""
        return self._drive(self._guide.route(words))

    def send_all(self, commands: Sequence[tuple[Any, ...]]) -> Any:
        """As `Lines.send_all`, of the server that is right for the first one."""
        return self._drive(self._guide.route(commands[0], tuple(commands[1:])))

    def _drive(self, route: Route) -> Any:
        import redis.exceptions as kinds

        until_s = time.monotonic() + self._deadline_s
        return drive(route, lambda at: self._ask(at, until_s), (kinds.RedisError, OSError))

    def begin(self, _words: tuple[Any, ...]) -> Awaited | None:
        """None: which server it is may turn out only by its answer."""
        return None

    def _ask(self, at: At, until_s: float) -> Any:
        if time.monotonic() > until_s:
            raise TimeoutError(f"sent from server to server for more than {self._deadline_s:g} s")
        key = (_url_of(self._place, at), at.own)
        if key not in self._lines:
            deadline_s = min(self._deadline_s, OWN_S) if at.own else self._deadline_s
            self._lines.setdefault(key, Lines(connect.open_redis(key[0], deadline_s)))
        lines = self._lines[key]
        if len(at.commands) > 1:
            return at.picked(lines.send_all(at.commands))
        return lines.send(at.words)

    def close(self) -> None:
        """Close every connection; the next call opens one."""
        for lines in [*self._lines.values()]:
            lines.close()


class AsyncNodes:
    """The asyncio twin of `Nodes`."""

    def __init__(self, place: Place, guide: Guide, deadline_s: float) -> None:
        self._place, self._guide, self._deadline_s = place, guide, deadline_s
        self._clients: dict[str, redis.asyncio.Redis] = {}

    async def send(self, commands: Sequence[tuple[Any, ...]], deadline_s: float) -> Any:
        """The answer of the right server, of several a list, after two deadlines at most."""
        import redis.exceptions as kinds

        route = self._guide.route(commands[0], tuple(commands[1:]))
        async with asyncio.timeout(2 * deadline_s):
            # each server has a deadline of its own, so that the guide learns which one kept silent
            return await drive_async(route, lambda at: self._ask(at, deadline_s), (kinds.RedisError, OSError))

    async def _ask(self, at: At, deadline_s: float) -> Any:
        url = _url_of(self._place, at)
        if url not in self._clients:
            self._clients[url] = connect.open_async_redis(url, self._deadline_s)
        async with asyncio.timeout(min(deadline_s, OWN_S) if at.own else deadline_s):
            answer = await send_async(self._clients[url], at.commands)
        return at.picked(answer) if len(at.commands) > 1 else answer

    async def close(self) -> None:
        """Close every connection; the next call opens one."""
        for client in [*self._clients.values()]:
            await client.connection_pool.disconnect()


async def send_async(client: redis.asyncio.Redis, commands: Sequence[tuple[Any, ...]]) -> Any:
    """The answer; of several commands a list, on one connection, or the first error among them."""
    if len(commands) == 1:
        send: Callable[..., Any] = client.execute_command
        return await send(*commands[0])
    pipe: Any = client.pipeline(transaction=False)
    for words in commands:
        pipe.execute_command(*words)
    return await pipe.execute()
