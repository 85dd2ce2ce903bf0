"""Does `rediss://` speak only with a server whose certificate is trusted and has the right name?"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from onebeat.errors import StoreError
from onebeat.wire import AsyncStore, Command, Store
from onebeat.wire.connect import open_async_redis, open_redis

TLS = Path(__file__).parent / "tls"  # for localhost, signed by itself, used nowhere else
TRUSTING = f"ssl_ca_certs={TLS / 'cert.pem'}"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A TLS server that answers every request with PONG."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening, context))
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)  # ends the accept
        thread.join()


def _serve(listening: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listening.accept()
        except OSError:
            return
        plain.settimeout(60.0)
        try:
            with context.wrap_socket(plain, server_side=True) as spoken:
                while asked := spoken.recv(4096):
                    # redis-py may send several commands at once, each an array
                    spoken.sendall(b"+PONG\r\n" * asked.count(b"*"))
        except OSError:  # the client went away, as it should from a certificate that it does not trust
            plain.close()


def ping(url: str) -> object:
    with Store.open(url) as store:
        return store.perform(Command(("PING",)))


def aping(url: str) -> object:
    async def ask() -> object:
        async with AsyncStore.open(url) as store:
            return await store.perform(Command(("PING",)))

    return asyncio.run(ask())


@pytest.mark.parametrize("ask", [ping, aping])
@pytest.mark.parametrize(
    ("host", "query", "why"),
    [
        ("localhost", "", "certificate verify failed"),
        ("127.0.0.1", TRUSTING, "certificate is not valid for|doesn't match|mismatch"),
    ],
    ids=["of an unknown authority", "of another name"],
)
def test_a_wrong_certificate_is_refused(
    ask: Callable[[str], object], host: str, query: str, why: str, port: int
) -> None:
    with pytest.raises(StoreError, match=why):
        ask(f"rediss://{host}:{port}/0?{query}")


@pytest.mark.parametrize("ask", [ping, aping])
@pytest.mark.parametrize(
    ("host", "query"),
    [("localhost", TRUSTING), ("127.0.0.1", "ssl_cert_reqs=none")],
    ids=["right", "on request"],
)
def test_a_right_certificate_is_believed(
    ask: Callable[[str], object], host: str, query: str, port: int
) -> None:
    assert ask(f"rediss://{host}:{port}/0?{query}") in (b"PONG", True)


@pytest.mark.parametrize("opened", [open_redis, open_async_redis])
def test_the_name_is_checked_with_every_version_of_the_client_library(opened: Callable[[str], Any]) -> None:
    asked = opened("rediss://localhost/0").connection_pool.connection_kwargs
    assert asked["ssl_check_hostname"] is True
    assert "ssl_check_hostname" not in opened("redis://localhost/0").connection_pool.connection_kwargs
