"""What does a client do when the network misbehaves? A proxy before the store that misbehaves on request.

One proxy per client: each has its own faults, and may change them at any time from any thread.

    with FaultProxy("redis://localhost:6379") as proxy:
        client = Client.from_url(proxy.url)
        proxy.lose_replies(lambda call: call == 3)   # executed, but nobody is told
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Callable, Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from onebeat.errors import ConfigError
from onebeat.testing.link import Faults, Link, Way

T = TypeVar("T")
WITHIN_S = 30.0  # for the proxy's own thread to do what it is told


class Ending(StrEnum):
    """How connections are ended."""

    CUT = "cut"  # in order (FIN): the client reads the end of the stream
    RESET = "reset"  # at once (RST on TCP): the client gets an error
    HALF_OPEN = "half-open"  # the store hears of it, the client does not: silence


class FaultProxy:
    """Forwards to the store at `upstream` (`redis://…` or `unix://…`); a client connects to `url`.

    It listens where the upstream does, on a Unix socket or on loopback; with `tcp` always on loopback,
    because only TCP knows a reset.

    Raises:
        ConfigError: another kind of URL; TLS hides the calls that are to be counted.
    """

    def __init__(self, upstream: str, *, tcp: bool = False) -> None:
        self._parts = urlsplit(upstream)
        if self._parts.scheme not in ("redis", "unix"):
            raise ConfigError(f"a fault proxy forwards to redis:// or unix://, not {self._parts.scheme}://")
        self._tcp = tcp or self._parts.scheme == "redis"
        self._faults = Faults()
        self._links: set[Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="onebeat-fault-proxy", daemon=True
        )
        self._door: asyncio.Server | None = None
        self._home: tempfile.TemporaryDirectory[str] | None = None
        self.url = ""

    def __enter__(self) -> FaultProxy:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> FaultProxy:
        """Begin to listen; `url` is known from then on."""
        self._thread.start()
        self.url = self._tell(self._open())
        return self

    def close(self) -> None:
        """End every connection and stop listening."""
        if not self._loop.is_closed():
            self._tell(self._shut())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(WITHIN_S)
            self._loop.close()
            if self._home is not None:
                self._home.cleanup()

    # -- faults that stay until `heal` ---------------------------------------------------------------

    def delay(self, seconds: float) -> None:
        """Let everything take `seconds` longer, each way."""
        self._faults.delay_s = seconds

    def slice(self, size: int = 1) -> None:
        """Pass on at most `size` bytes at a time."""
        self._faults.slice_bytes = size

    def stall(self, way: Way) -> None:
        """Hold back what flows one way; it arrives after `heal`."""
        self._do(lambda: self._faults.gates[way].clear())

    def black_hole(self) -> None:
        """Take everything, both ways, and pass on nothing; connections stay open."""
        self._faults.swallows = True

    def refuse(self) -> None:
        """End new connections at once; those that are open stay."""
        self._faults.refuses = True

    def lose_replies(self, which: Callable[[int], bool]) -> None:
        """Forward call n (from 1, on all connections), then cut instead of replying when `which(n)`.

        Not numbered: what a client says about itself on connecting (HELLO, AUTH, CLIENT, SELECT).
        """
        self._faults.loses = which

    def heal(self) -> None:
        """Behave; what was stalled arrives, what was swallowed or cut is gone."""
        self._do(self._faults.heal)

    # -- faults of a moment --------------------------------------------------------------------------

    def end(self, how: Ending = Ending.CUT) -> int:
        """End the connections that are open now; how many there were."""
        links = self._tell(self._end_links(how))
        return len(links)

    # -- what was seen -------------------------------------------------------------------------------

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._links)

    @property
    def calls(self) -> int:
        """How many numbered calls were forwarded."""
        return self._faults.calls

    @property
    def lost(self) -> int:
        """How many replies were lost by `lose_replies`."""
        return self._faults.lost

    # -- inside the thread ---------------------------------------------------------------------------

    def _tell(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` answers, done by the proxy's own thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_S)

    def _do(self, act: Callable[[], Any]) -> None:
        async def acted() -> None:
            act()

        self._tell(acted())

    async def _open(self) -> str:
        if self._tcp:
            self._door = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            host, port = self._door.sockets[0].getsockname()[:2]
            who, at, _ = self._parts.netloc.rpartition("@")
            path = self._parts.path if self._parts.scheme == "redis" else ""
            return urlunsplit(("redis", f"{who}{at}{host}:{port}", path, self._parts.query, ""))
        self._home = tempfile.TemporaryDirectory(prefix="ob-", dir="/tmp")  # socket paths are short
        path = str(Path(self._home.name) / "s")
        self._door = await asyncio.start_unix_server(self._serve, path)
        query = f"?{self._parts.query}" if self._parts.query else ""
        return f"unix://{self._parts.netloc}{quote(path)}{query}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._faults.refuses:
                return
            with contextlib.suppress(OSError):  # the store is away: so is its proxy
                if self._parts.scheme == "unix":
                    up = await asyncio.open_unix_connection(unquote(self._parts.path))
                else:
                    up = await asyncio.open_connection(self._parts.hostname, self._parts.port or 6379)
                link = Link((reader, writer), up, self._faults)
                self._links.add(link)
                try:
                    await link.serve()
                finally:
                    self._links.discard(link)
        finally:
            writer.close()

    async def _end_links(self, how: Ending) -> list[Link]:
        links = [link for link in self._links if not link.half_open]
        for link in links:
            if how is Ending.HALF_OPEN:
                link.open_half()
            else:
                link.end(reset=how is Ending.RESET)
        return links

    async def _shut(self) -> None:
        doors = self._door.sockets if self._door is not None else ()
        for door in doors:
            self._loop.remove_reader(door.fileno())
        until = self._loop.time() + WITHIN_S / 2
        # Who came a moment ago is no link yet, but a task: it becomes one in a later round, and ends there.
        while (serving := asyncio.all_tasks() - {asyncio.current_task()}) and self._loop.time() < until:
            for link in list(self._links):
                link.end(reset=True)
            await asyncio.wait(serving, timeout=0.01)
        if self._door is not None:
            self._door.close()  # only now: asyncio forgets, open, what it was accepting when it closed
        await asyncio.sleep(0)  # the transports close in the loop's next round
