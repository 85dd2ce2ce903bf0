"""Does a second thread reach the same server, whatever kind of client it has to start from?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel

from onebeat.errors import ConfigError
from onebeat.wire import AsyncStore, Command, Store
from onebeat.wire.twin import twin
from tests.servers import Server


def test_a_twin_has_connections_and_a_deadline_of_its_own(store: Store) -> None:
    store.perform(Command(("SET", f"ob:{{{store.namespace}}}:leader", "x", "PX", 9999)))
    with twin(store, 0.25) as other:
        assert other.perform(Command(("GET", f"ob:{{{store.namespace}}}:leader"))) == b"x"
        assert other.client.connection_pool is not store.client.connection_pool
        assert other.client.connection_pool.connection_kwargs["socket_timeout"] == 0.25
        assert (other.namespace, other.where) == (store.namespace, store.where)


def test_the_twin_of_an_asyncio_store_blocks(astore_factory: Callable[[], AsyncStore], store: Store) -> None:
    async def scenario() -> None:
        async with astore_factory() as astore:
            with twin(astore, 1.0) as other:
                assert other.perform(Command(("PING",))) in (b"PONG", True)

    asyncio.run(scenario())


def test_who_we_are_is_copied_and_the_manners_are_not(server: Server) -> None:
    client = redis.Redis(host="h", port=1, db=3, password="p", decode_responses=True, ssl=True)
    with twin(Store(client, "t"), 1.0) as other:
        pool = other.client.connection_pool
        assert pool.connection_class is redis.SSLConnection
        options = pool.connection_kwargs
        assert (options["host"], options["db"], options["password"]) == ("h", 3, "p")
        assert options["ssl_cert_reqs"] == "required"
        assert not options.get("decode_responses")
        assert options["retry"].get_retries() == 0


def test_connections_of_another_kind(server: Server) -> None:
    client = redis.sentinel.Sentinel([("h", 1)]).master_for("m")
    assert twin(Store(client, "t"), 1.0).client is client
    aclient = redis.asyncio.sentinel.Sentinel([("h", 1)]).master_for("m")
    with pytest.raises(ConfigError, match="SentinelManagedConnection"):
        twin(AsyncStore(aclient, "t"), 1.0)
