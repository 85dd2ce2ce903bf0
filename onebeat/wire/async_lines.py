"""How do an asyncio store's words get to the server and back, with the least work? The twin of `lines.py`.

redis-py connects and signs in. From then on what comes in goes to us and no longer to its streams: a call is
one write, and whoever waits for its answer is told in the turn in which it came. Where what it makes is no
plain socket, or hiredis is missing, there are no such lines, and calls go through redis-py's client.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from onebeat.wire.line import PLAIN, find_packer

if TYPE_CHECKING:
    import redis.asyncio

_ENDED = "the connection was closed"


class AsyncLine(asyncio.Protocol):
    """One connection of redis-py's. Answers come in the order of what was asked."""

    def __init__(self, connection: Any, pack: Callable[[tuple[Any, ...]], bytes]) -> None:
        self._connection, self._pack = connection, pack
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._transport: Any = None

    async def connect(self) -> None:
        """Raises as redis-py does."""
        import hiredis
        from redis.connection import DefaultParser
        from redis.exceptions import InvalidResponse

        connection = self._connection
        try:
            await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._streams = connection._reader, connection._writer  # once collected, they close the transport
        self._transport = connection._writer.transport
        connection._reader = connection._writer = None
        self._reader = hiredis.Reader(InvalidResponse, DefaultParser.parse_error)
        self._transport.set_protocol(self)
        if self._transport.is_closing():  # it may have ended before we were told
            self._transport = None
            raise ConnectionResetError(_ENDED)

    @property
    def closed(self) -> bool:
        """Whether it carries nothing more."""
        return self._transport is None

    async def ask(self, commands: Sequence[tuple[Any, ...]], until_s: float) -> list[Any]:
        """The answers, errors among them, by `until_s` of the loop's time; closed where they do not come.

        Raises:
            OSError: not all were answered.
        """
        loop = asyncio.get_running_loop()
        packed = b"".join(map(self._packed, commands))
        if self._transport is None:
            raise ConnectionResetError(_ENDED)
        mine = [loop.create_future() for _ in commands]
        self._waiting.extend(mine)
        self._transport.write(packed)
        timer = loop.call_at(until_s, self._end, TimeoutError())
        try:
            await mine[-1]
            return [one.result() for one in mine]
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()

    def _packed(self, words: tuple[Any, ...]) -> bytes:
        try:
            return self._pack(words)
        except TypeError:
            whole: bytes = b"".join(self._connection.pack_command(*words))
            return whole

    def data_received(self, data: bytes) -> None:
        """Of the transport: answers, or a part of one."""
        waiting, reader = self._waiting, self._reader
        try:
            reader.feed(data)
            while (answer := reader.gets()) is not False:  # which RESP2 has no word for: it is not whole
                one = waiting.popleft()
                if not one.done():
                    one.set_result(answer)
        except Exception as problem:  # no answer, or one to nothing that was asked
            self._end(ConnectionResetError(f"the server speaks out of turn: {problem!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Of the transport: it has ended."""
        self._end(ConnectionResetError(_ENDED))

    def close(self) -> None:
        """At once: whatever the server was asked, nobody hears of it."""
        self._end(ConnectionResetError(_ENDED))

    def _end(self, problem: Exception) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        while self._waiting:
            one = self._waiting.popleft()
            if not one.done():
                one.set_exception(problem)
                one.exception()  # only the last of several is awaited


class AsyncLines:
    """Connections like those of `client`, but not its own; they belong to one event loop."""

    def __init__(self, client: redis.asyncio.Redis, pack: Callable[[tuple[Any, ...]], bytes]) -> None:
        self._pool: Any = client.connection_pool
        self._told: Any = client.response_callbacks  # how redis-py says what the server answered
        self._pack = pack
        self._all: set[AsyncLine] = set()
        self._idle: list[AsyncLine] = []

    async def send(self, commands: Sequence[tuple[Any, ...]], deadline_s: float) -> Any:
        """The answer; of several commands a list, on one connection, or the first error among them.

        Raises:
            redis.exceptions.RedisError, OSError: as the client does.
        """
        until_s = asyncio.get_running_loop().time() + deadline_s
        line = await self.take(until_s)
        try:
            answers = await line.ask(commands, until_s)
        finally:
            self.give(line)
        told = [self.said(words, answer) for words, answer in zip(commands, answers, strict=True)]
        return told[0] if len(told) == 1 else told

    async def take(self, until_s: float) -> AsyncLine:
        """An idle connection, or a new one; raises as redis-py does."""
        while self._idle:
            line = self._idle.pop()
            if not line.closed:
                return line
        async with asyncio.timeout_at(until_s):
            line = AsyncLine(self._pool.connection_class(**self._pool.connection_kwargs), self._pack)
            await line.connect()
        self._all = {one for one in self._all if not one.closed} | {line}
        return line

    def give(self, line: AsyncLine) -> None:
        """Take back a connection on which all is answered. When one was lost, what is idle may be, too."""
        self._idle.append(line)
        if line.closed:
            self._rest()

    def said(self, words: tuple[Any, ...], answer: Any) -> Any:
        """What redis-py makes of an answer to `words`; raises the server's error."""
        if isinstance(answer, Exception):
            import redis.exceptions as kinds

            if isinstance(answer, kinds.ReadOnlyError) or "READONLY " in str(answer):
                self._rest()  # the name of a demoted server may lead to the new master by now
            raise answer
        tell = self._told.get(words[0])
        return answer if tell is None else tell(answer)

    def _rest(self) -> None:
        """Close what carries nothing now; the next call opens one."""
        while self._idle:
            self._idle.pop().close()

    async def close(self) -> None:
        """Close every connection; the next call opens one."""
        self._idle.clear()
        for line in self._all:
            line.close()


def async_lines_of(client: redis.asyncio.Redis) -> AsyncLines | None:
    """Lines to the server of `client`; None where its connections are more than a socket."""
    pack, pool = find_packer(), client.connection_pool
    plain = pool.connection_class.__name__ in PLAIN and not pool.connection_kwargs.get("decode_responses")
    return AsyncLines(client, pack) if pack is not None and plain else None
