"""Who performs a protocol's effects? The blocking and the asyncio driver, the one door to Redis.

No decisions here: a failure is translated (`failures.py`) and thrown into the protocol, which decides.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from onebeat.errors import ConfigError, Remedy, StoreError
from onebeat.keys import SpaceKeys
from onebeat.wire import connect
from onebeat.wire.ahead import Ahead
from onebeat.wire.async_lines import AsyncLines, async_lines_of
from onebeat.wire.drive import drive, drive_async
from onebeat.wire.lines import Awaited, Lines
from onebeat.wire.listening import Listening
from onebeat.wire.nodes import AsyncNodes, Nodes, guide_to, send_async
from onebeat.wire.steps import Call, Chain, Command, Effect, Pause, Protocol, T
from onebeat.wire.translate import translate
from onebeat.wire.urls import parse, without_secret

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import redis
    import redis.asyncio

BLOCK_MARGIN_S = 3.0  # a blocking read may be answered this much after its own timeout
ClientT = TypeVar("ClientT")


def patient_deadline_s(block_s: float) -> float:
    """The deadline of a call that the server may hold for `block_s`.

    Rounded up to a power of two, and a margin: the blocking driver needs a client for each deadline,
    and so needs few however many different waits it is asked for.
    """
    rounded = 1.0
    while rounded < block_s:
        rounded *= 2
    return rounded + BLOCK_MARGIN_S


def _by_text(effect: Call) -> tuple[Any, ...]:
    return ("EVAL", effect.script.text, len(effect.keys), *effect.keys, *effect.args)


def _commands(effect: Call | Chain | Command, *, whole: bool = False) -> list[tuple[Any, ...]]:
    """What is sent, on one connection; `whole`: with the script's text, as the server does not know it."""
    if isinstance(effect, Command):
        return [effect.words]
    call = effect.call if isinstance(effect, Chain) else effect
    behind = effect.behind if isinstance(effect, Chain) else ()
    return [_by_text(call) if whole else call.words, *(one.words for one in behind)]


class _Driver(Generic[ClientT]):
    """What both drivers know."""

    def __init__(self, client: ClientT, namespace: str = "onebeat", *, where: str = "") -> None:
        self.client = client
        self.namespace = namespace
        self.space = SpaceKeys(namespace)
        self.where = where or "the given client"
        self.url: str | None = None  # None: a client was given, and is used for everything

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.namespace!r} at {self.where}>"

    def _given(self) -> ConfigError:
        return ConfigError(
            "a call that waits for replicas or for the disk needs a connection of its own, which a client "
            f"that was given may not have: open the store by its URL, {type(self).__name__}.open(url)"
        )


class Store(_Driver["redis.Redis"]):
    """Blocking driver over one Redis and one namespace. Safe to share between threads."""

    client: redis.Redis

    def __init__(self, client: redis.Redis, namespace: str = "onebeat", *, where: str = "") -> None:
        super().__init__(client, namespace, where=where)
        self._open_lines: Callable[[float], Lines | Nodes]
        self._usual: Lines | Nodes | None = None  # for what the server answers at once
        self._patient: dict[float, Lines | Nodes] = {}  # by deadline, for what it may hold

    @classmethod
    def open(cls, url: str, namespace: str = "onebeat", *, deadline_s: float = connect.DEADLINE_S) -> Self:
        """A store at `url` (`urls.py`); nothing is sent until the first effect. Each call ends in
        `deadline_s`, or twice that where the server is to be found first.

        `client` is for one server: of a Sentinel's or a Cluster's it is the first one that `url` names.

        Raises:
            ConfigError: `url` is not one of a store.
        """
        place = parse(url)
        guide = guide_to(place)
        first = url if guide is None else place.url_of(place.named[0])
        store = cls(connect.open_redis(first, deadline_s), namespace, where=without_secret(url))
        store.url = url
        if guide is None:
            store._usual = Lines(store.client)
            store._open_lines = lambda s: Lines(connect.open_redis(url, s))
        else:
            store._usual = Nodes(place, guide, deadline_s)
            store._open_lines = lambda s: Nodes(place, guide, s)
        return store

    def perform(self, effect: Effect) -> Any:
        """One effect's answer.

        Raises:
            StoreError: not answered or refused; `remedy` says what to do.
        """
        if isinstance(effect, Pause):
            time.sleep(effect.seconds)
            return None
        usual = self._usual
        send = usual.send if usual is not None and type(effect) is Call else self._send_for(effect)
        words: Any = _commands(effect) if isinstance(effect, Chain) else effect.words
        try:
            return send(words)
        except Exception as problem:
            return self._after(problem, effect, send)

    def _after(self, problem: Exception, effect: Call | Chain | Command, send: Callable[..., Any]) -> Any:
        """The answer to a script that the server did not know; any other `problem` is raised, translated."""
        import redis.exceptions as kinds

        try:
            if isinstance(effect, Command) or not isinstance(problem, kinds.NoScriptError):
                raise problem
            if isinstance(effect, Call):
                return send(_by_text(effect))
            return send(_commands(effect, whole=True))
        except (kinds.RedisError, OSError) as last:
            raise translate(self.where, last) from last

    def _send_for(self, effect: Call | Chain | Command) -> Callable[..., Any]:
        """What sends within the deadline that fits: that of a blocking read is longer than its block."""
        if self._usual is None:
            if isinstance(effect, Chain):
                raise self._given()
            execute: Callable[..., Any] = self.client.execute_command
            return lambda words: execute(*words)
        if isinstance(effect, Call) or (isinstance(effect, Command) and not effect.block_s):
            return self._usual.send
        deadline_s = patient_deadline_s(effect.block_s)
        if deadline_s not in self._patient:
            self._patient.setdefault(deadline_s, self._open_lines(deadline_s))
        lines = self._patient[deadline_s]
        return lines.send_all if isinstance(effect, Chain) else lines.send

    def run(self, protocol: Protocol[T]) -> T:
        """What `protocol` returns, its effects performed in order."""
        return drive(protocol, self.perform, StoreError)

    def begin(self, protocol: Protocol[T]) -> Ahead[T]:
        """The same, its first call sent now and answered when `Ahead.end` is called."""
        return Ahead(protocol, self._begin, self._read, self.perform)

    def _begin(self, effect: Effect) -> Awaited | None:
        """None when it cannot be sent now; then it is performed when its answer is asked for."""
        import redis.exceptions as kinds

        if self._usual is None or not isinstance(effect, Call):
            return None
        try:
            return self._usual.begin(effect.words)
        except (kinds.RedisError, OSError):
            return None

    def _read(self, sent: Awaited, effect: Effect) -> Any:
        import redis.exceptions as kinds

        try:
            return sent.read()
        except kinds.NoScriptError:
            return self.perform(effect)
        except (kinds.RedisError, OSError) as problem:
            raise translate(self.where, problem) from problem

    def close(self) -> None:
        """Close every connection; the store can be used again."""
        self.client.connection_pool.disconnect()
        for lines in (self._usual, *self._patient.values()):
            if lines is not None:
                lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncStore(_Driver["redis.asyncio.Redis"]):
    """Asyncio driver; one instance belongs to one event loop."""

    client: redis.asyncio.Redis
    _deadline_s: float | None = None  # None: a client was given, with deadlines of its own
    _way: AsyncLines | AsyncNodes | None = None  # None: calls go through the client

    @classmethod
    def open(cls, url: str, namespace: str = "onebeat", *, deadline_s: float = connect.DEADLINE_S) -> Self:
        """The asyncio twin of `Store.open`."""
        place = parse(url)
        guide = guide_to(place)
        first = url if guide is None else place.url_of(place.named[0])
        store = cls(connect.open_async_redis(first, deadline_s), namespace, where=without_secret(url))
        store.url, store._deadline_s = url, deadline_s
        store._way = async_lines_of(store.client) if guide is None else AsyncNodes(place, guide, deadline_s)
        return store

    @classmethod
    def over(cls, client: redis.asyncio.Redis, namespace: str = "onebeat", *, deadline_s: float) -> Self:
        """A store over a client that was given, each of whose calls ends in `deadline_s` with its retries."""
        store = cls(client, namespace)
        store._deadline_s = deadline_s
        return store

    async def perform(self, effect: Effect) -> Any:
        """One effect's answer.

        Raises:
            StoreError: not answered or refused; `remedy` says what to do.
        """
        if isinstance(effect, Pause):
            await asyncio.sleep(effect.seconds)
            return None
        import redis.exceptions as kinds

        try:
            try:
                return await self._send(effect, _commands(effect))
            except kinds.NoScriptError:
                return await self._send(effect, _commands(effect, whole=True))
        except (kinds.RedisError, OSError) as problem:
            error = translate(self.where, problem)
            if error.remedy is Remedy.RESOLVE:  # the server's name may lead to another one by now
                await self.client.connection_pool.disconnect(inuse_connections=False)
            raise error from problem

    async def _send(self, effect: Call | Chain | Command, commands: list[tuple[Any, ...]]) -> Any:
        if isinstance(effect, Chain) and self.url is None:
            raise self._given()
        deadline_s = self._deadline_for(effect)
        if self._way is not None and deadline_s is not None:
            return await self._way.send(commands, deadline_s)
        async with asyncio.timeout(deadline_s):
            return await send_async(self.client, commands)

    def listen(self, command: Command) -> Listening:
        """Begin the blocking read `command`; more can be asked behind it."""
        lines = self._way if isinstance(self._way, AsyncLines) else None
        return Listening(command, patient_deadline_s(command.block_s), lines, self.perform, self.where)

    def _deadline_for(self, effect: Call | Chain | Command) -> float | None:
        if self._deadline_s is None or isinstance(effect, Call) or not effect.block_s:
            return self._deadline_s
        return patient_deadline_s(effect.block_s)

    async def run(self, protocol: Protocol[T]) -> T:
        """What `protocol` returns, its effects performed in order."""
        # a protocol that holds something gives it back when its caller is cancelled
        return await drive_async(protocol, self.perform, (StoreError, asyncio.CancelledError))

    async def close(self) -> None:
        """Close every connection; the store can be used again."""
        await self.client.connection_pool.disconnect()
        if self._way is not None:
            await self._way.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
