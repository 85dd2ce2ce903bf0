"""What does an async task look like? It awaits, and other runs use the time.

The page comes from a server in the same process, so the example needs no network.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from onebeat import task

PAGE = b"<!doctype html><title>onebeat</title><p>A page of this machine.</p>\n"


@task(timeout="5s")
async def fetch_page() -> int:
    """Fetch the page; returns its size in bytes. A run that takes over five seconds is cancelled."""
    async with _page_server() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            status, _, _ = (await reader.readline()).partition(b"\r\n")
            if status != b"HTTP/1.0 200 OK":
                raise ConnectionError(f"the page's server answered {status!r}")
            _, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
            await writer.wait_closed()
    return len(body)


@asynccontextmanager
async def _page_server() -> AsyncIterator[int]:
    """The port of a server on this machine that knows one page."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(PAGE)}\r\n\r\n"
        writer.write(head.encode() + PAGE)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
