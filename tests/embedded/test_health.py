"""Is every server that cannot keep the promises recognised, and none accused without proof?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from onebeat.errors import StoreError
from onebeat.wire import Store
from onebeat.wire.health import Health, Severity, findings, inspect, version_of
from tests.servers import Server

GOOD = {
    "engine": "valkey",
    "version": "9.1.2",
    "role": "master",
    "maxmemory_policy": "noeviction",
    "aof": True,
    "rdb": False,
}
NOTHING = dict.fromkeys(GOOD)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, []),
        ({"rdb": None}, []),
        ({"role": "slave"}, ["replica"]),
        ({"role": None}, []),
        ({"maxmemory_policy": "allkeys-lru"}, ["eviction"]),
        ({"maxmemory_policy": "volatile-ttl"}, ["eviction"]),
        ({"maxmemory_policy": None}, []),
        ({"aof": False, "rdb": False}, ["no-persistence"]),
        ({"aof": False, "rdb": True}, ["rdb-only"]),
        ({"aof": False, "rdb": None}, ["unknown-persistence"]),
        ({"aof": None, "rdb": True}, ["rdb-only"]),
        ({"aof": None, "rdb": False}, ["unknown-persistence"]),
        ({"version": "7.2.0"}, []),
        ({"version": "7.1.9"}, ["old-server"]),
        ({"engine": "redis", "version": "6.2.0"}, []),
        ({"engine": "redis", "version": "6.0.16"}, ["old-server"]),
        ({"engine": "redis", "version": "unknown"}, []),
        (NOTHING, ["unknown-persistence", "unknown-server"]),
        ({"aof": False, "rdb": True, "role": "slave"}, ["replica", "rdb-only"]),
    ],
)
def test_findings(said: dict[str, object], found: list[str]) -> None:
    assert [problem.name for problem in findings(Health(**{**GOOD, **said}))] == found


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"mode": "standalone", "replicas": 1}, "standalone, AOF, noeviction, 1 replica"),
        (
            {"mode": "cluster", "aof": False, "rdb": True, "replicas": 0},
            "cluster, RDB, noeviction, no replicas",
        ),
        ({"aof": False, "replicas": 2, "maxmemory_policy": "allkeys-lru"}, "no AOF, allkeys-lru, 2 replicas"),
        (NOTHING, ""),
    ],
)
def test_what_was_found_in_words(said: dict[str, object], words: str) -> None:
    assert Health(**{**GOOD, **said}).words == words


@pytest.mark.parametrize(
    ("text", "version"),
    [("7.2.4", (7, 2, 4)), ("8.0.0-rc1", (8, 0, 0)), ("255.255.255", (255, 255, 255)), ("x", ()), ("", ())],
)
def test_versions(text: str, version: tuple[int, ...]) -> None:
    assert version_of(text) == version


@contextmanager
def serving(*options: str) -> Iterator[Server]:
    one = Server(*options)
    try:
        yield one.start()
    finally:
        one.remove()


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), []),
        (("--maxmemory-policy", "allkeys-lru"), ["eviction"]),
        (("--appendonly", "no"), ["no-persistence"]),
        (("--appendonly", "no", "--save", "60 1"), ["rdb-only"]),
        (("--replicaof", "127.0.0.1 1"), ["replica"]),
    ],
)
def test_real_servers(options: tuple[str, ...], found: list[str]) -> None:
    with serving(*options) as server, Store.open(server.url) as store:
        health = inspect(store)
    assert [problem.name for problem in health.problems] == found
    assert health.engine in ("valkey", "redis")
    assert health.version is not None


@pytest.mark.parametrize(
    ("rights", "known", "found"),
    [
        (("+@all", "-config"), {"aof": True, "rdb": None}, []),
        (("+@all", "-info"), {"aof": None, "rdb": False}, ["unknown-persistence", "unknown-server"]),
        (("+ping",), {"aof": None, "rdb": None}, ["unknown-persistence", "unknown-server"]),
    ],
)
def test_narrow_rights(
    rights: tuple[str, ...], known: dict[str, bool | None], found: list[str], own_server: Server
) -> None:
    with own_server.redis() as client:
        client.execute_command("ACL", "SETUSER", "narrow", "on", ">secret", "~*", *rights)
    with Store.open(f"unix://narrow:secret@{own_server.socket}") as store:
        health = inspect(store)
    assert {name: getattr(health, name) for name in known} == known
    assert [problem.name for problem in health.problems] == found
    assert all(problem.severity is Severity.WARN for problem in health.problems)


def test_a_wrong_password_is_not_taken_for_a_narrow_right(own_server: Server) -> None:
    with own_server.redis() as client:
        client.execute_command("ACL", "SETUSER", "narrow", "on", ">secret", "~*", "+@all")
    with (
        Store.open(f"unix://narrow:wrong@{own_server.socket}") as store,
        pytest.raises(StoreError, match="WRONGPASS"),
    ):
        inspect(store)
