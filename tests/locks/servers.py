"""How does a test get several independent servers, each behind a network that can fail?"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from onebeat.keys import LockKeys, SpaceKeys
from onebeat.locks import QuorumLock
from onebeat.testing import FaultProxy
from onebeat.wire import Command, Store
from tests.servers import Server

NAME = "l"


class Member:
    """One server, its proxy, and a direct line past the proxy."""

    def __init__(self, server: Server, proxy: FaultProxy, namespace: str) -> None:
        self.server, self.proxy = server, proxy
        self.direct = Store.open(server.url, namespace)
        self.keys, self.space = LockKeys(namespace, NAME), SpaceKeys(namespace)

    def raw(self, *words: Any) -> Any:
        return self.direct.perform(Command(words))

    def forget(self) -> None:
        """It restarts without its data."""
        self.server.kill()
        for path in [*self.server.home.rglob("*")]:
            if path.is_file() and path.name != "log":
                path.unlink()
        self.server.start()

    def restart(self) -> None:
        """It ends in order and comes back with its data."""
        self.server.stop()
        self.server.start()

    def grow_old(self) -> None:
        """As if a day had passed since its data began."""
        born = self.raw("GET", self.space.born)
        if born:
            self.raw("SET", self.space.born, int(born) - 86_400_000)

    @property
    def owner(self) -> bytes | None:
        found: bytes | None = self.raw("GET", self.keys.owner)
        return found


class Members(list[Member]):
    """All servers of a quorum."""

    namespace = ""

    def lock(self, stack: ExitStack, lease: float = 60.0, **options: Any) -> QuorumLock:
        """A lock with clients of its own, through the proxies."""
        stores = [stack.enter_context(Store.open(one.proxy.url, self.namespace)) for one in self]
        made = QuorumLock(stores, NAME, lease, **options)
        stack.callback(made.close)
        return made


@contextmanager
def members(count: int) -> Iterator[Members]:
    """So many servers, all new."""
    with ExitStack() as stack:
        found = Members()
        found.namespace = f"t{secrets.token_hex(4)}"
        for _ in range(count):
            server = Server()
            stack.callback(server.remove)
            server.start()
            proxy = stack.enter_context(FaultProxy(server.url))
            found.append(Member(server, proxy, found.namespace))
            stack.callback(found[-1].direct.close)
        yield found
