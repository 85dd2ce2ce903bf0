"""How does one connection through the fault proxy live? Two streams, each delayed, cut, held or lost."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from onebeat.testing.resp import PUSH, Values, words

Ends: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
READ_BYTES = 1 << 16
# What a client says about itself on connecting is not what a test counts.
_MANNERS = frozenset((b"HELLO", b"AUTH", b"CLIENT", b"SELECT"))


class Way(StrEnum):
    """The two directions."""

    CALLS = "calls"
    REPLIES = "replies"


def _open_gate() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


def _nothing_is_lost(_call: int) -> bool:
    return False


@dataclass
class Faults:
    """What is wrong at the moment, for all connections of a proxy. Read when bytes arrive."""

    delay_s: float = 0.0
    slice_bytes: int = 0  # 0: as they come
    swallows: bool = False
    refuses: bool = False
    loses: Callable[[int], bool] = _nothing_is_lost
    gates: dict[Way, asyncio.Event] = field(default_factory=lambda: {way: _open_gate() for way in Way})
    calls: int = 0
    lost: int = 0

    def heal(self) -> None:
        """Nothing is wrong; the counts stay."""
        self.delay_s, self.slice_bytes, self.swallows, self.refuses = 0.0, 0, False, False
        self.loses = _nothing_is_lost
        for gate in self.gates.values():
            gate.set()


class Link:
    """A client's connection and ours to the store in its name."""

    def __init__(self, client: Ends, store: Ends, faults: Faults) -> None:
        self._client, self._store, self._faults = client, store, faults
        self._pending: deque[int] = deque()  # numbers of the calls that wait for a reply; 0: not numbered
        self._cut = asyncio.Event()
        self._flows: list[asyncio.Task[None]] = []
        self.half_open = False

    async def serve(self) -> None:
        """Forward both ways until either side, or `end`, ends it."""
        ways = ((Way.CALLS, self._client[0], self._store[1]), (Way.REPLIES, self._store[0], self._client[1]))
        self._flows = [asyncio.create_task(self._flow(*way)) for way in ways]
        cut = asyncio.create_task(self._cut.wait())
        try:
            await asyncio.wait([*self._flows, cut], return_when=asyncio.FIRST_COMPLETED)
            if self.half_open and not self._cut.is_set():
                await self._stay_silent()
        finally:
            for task in (*self._flows, cut):
                task.cancel()
            await asyncio.wait([*self._flows, cut])
            self._client[1].close()
            self._store[1].close()

    def open_half(self) -> None:
        """The store's side ends; the client's stays open and is never answered."""
        self.half_open = True
        for flow in self._flows:
            flow.cancel()
        self._store[1].close()

    def end(self, *, reset: bool) -> None:
        """End both sides."""
        if reset:
            raw = self._client[1].get_extra_info("socket")
            if raw is not None and raw.family != socket.AF_UNIX:
                with contextlib.suppress(OSError):  # it is closed already
                    # closing it then sends RST instead of FIN
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._client[1].transport.abort()
        self._cut.set()

    async def _stay_silent(self) -> None:
        with contextlib.suppress(OSError):
            while not self._cut.is_set() and await self._client[0].read(READ_BYTES):
                pass

    async def _flow(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        faults, values = self._faults, Values()
        with contextlib.suppress(OSError):  # the other side is gone: so is the link
            while chunk := await reader.read(READ_BYTES):
                if faults.delay_s:
                    await asyncio.sleep(faults.delay_s)
                await faults.gates[way].wait()
                if faults.swallows:
                    continue
                for value in values.feed(chunk):
                    if way is Way.CALLS:
                        self._number(value)
                    elif self._is_lost(value):
                        self._cut.set()
                        return
                await self._pass_on(chunk, writer)

    async def _pass_on(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        size = self._faults.slice_bytes or len(chunk)
        for start in range(0, len(chunk), size):
            writer.write(chunk[start : start + size])
            await writer.drain()
            if size < len(chunk):
                await asyncio.sleep(0)  # else the kernel is given all of it at once

    def _number(self, call: bytes) -> None:
        first = next(iter(words(call)), b"").upper()
        if first not in _MANNERS:
            self._faults.calls += 1
        self._pending.append(0 if first in _MANNERS else self._faults.calls)

    def _is_lost(self, reply: bytes) -> bool:
        if reply[0] == PUSH or not self._pending:
            return False
        number = self._pending.popleft()
        lost = bool(number) and self._faults.loses(number)
        self._faults.lost += lost
        return lost
