"""Would the check after each test notice a key that nobody deletes?"""

from __future__ import annotations

import pytest

from onebeat.keys import TABLE, LockKeys, QueueKeys, SpaceKeys
from onebeat.wire import Command, Store
from tests.leaks import find_leaks, forget, keys_of
from tests.servers import Server

pytestmark = pytest.mark.leaves_keys


def left_by(server: Server, namespace: str) -> list[str]:
    with server.redis() as client:
        return find_leaks(client, namespace)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("SET", "ob:{NS:q}:unheard", "x"), "no row of keys.TABLE"),
        (("SET", "ob:{NS}:unheard", "x"), "no row of keys.TABLE"),
        (("SET", "ob:{NS:q}:stats", "x"), "a string, and keys.TABLE says hash"),
        (("SET", "ob:{NS:q}:uniq:h", "x"), "has no TTL"),
        (("SET", "ob:{NS:lock:a b:c}:owner", "x"), "has no TTL"),
        (("RPUSH", "ob:{NS:lock:l}:bell:token", "x"), "has no TTL"),
        (("SET", "ob:{NS:q}:fence", "1", "EX", "60"), "would be forgotten"),
    ],
)
def test_a_leak_is_found(words: tuple[str, ...], complaint: str, store: Store, server: Server) -> None:
    store.perform(Command(tuple(word.replace("NS", store.namespace) for word in words)))
    (leak,) = left_by(server, store.namespace)
    assert complaint in leak


@pytest.mark.parametrize(
    "words",
    [
        ("RPUSH", "ob:{NS:q}:ready:0", "x"),
        ("HSET", "ob:{NS:q}:own:wid", "a", "x"),
        ("SET", "ob:{NS:q}:uniq:h", "x", "EX", "60"),
        ("SET", "ob:{NS:lock:a b:c}:owner", "x", "PX", "60000"),
        ("SET", "ob:{NS:q}:fence", "1"),
        ("HSET", "ob:{NS}:beats", "a", "x"),
    ],
)
def test_what_may_stay_is_no_leak(words: tuple[str, ...], store: Store, server: Server) -> None:
    store.perform(Command(tuple(word.replace("NS", store.namespace) for word in words)))
    assert not left_by(server, store.namespace)


def test_every_key_that_keys_can_name_is_in_its_table(store: Store, server: Server) -> None:
    queue, lock = QueueKeys(store.namespace, "q"), LockKeys(store.namespace, "l")
    named = [queue.own("w"), queue.uniq("h"), queue.lane("l"), *queue.ready, lock.bell("t")]
    for keys in (queue, lock, SpaceKeys(store.namespace)):
        named += [name for name in vars_of(keys).values() if name.startswith("ob:") and ":" in name[3:]]
    for name in set(named) - {queue.prefix, lock.prefix}:
        store.perform(Command(("SET", name, "x")))
    assert not [leak for leak in left_by(server, store.namespace) if "no row" in leak]


def vars_of(keys: object) -> dict[str, str]:
    names = getattr(keys, "__slots__", None) or vars(keys)
    return {name: value for name in names if isinstance(value := getattr(keys, name), str)}


def test_another_namespace_is_left_alone(store: Store, server: Server) -> None:
    """`t1` must not take `t12` for its own."""
    other = store.namespace + "2"
    store.perform(Command(("SET", f"ob:{{{other}:q}}:unheard", "x")))
    with server.redis() as client:
        assert not find_leaks(client, store.namespace)
        forget(client, store.namespace)
        assert keys_of(client, other)
        forget(client, other)
        assert not keys_of(client, other)


def test_every_life_of_the_table_is_known() -> None:
    assert {key.life for key in TABLE} == {"permanent", "in use", "ttl"}
    assert all(key.type != "string" for key in TABLE if key.life == "in use"), (
        "only collections empty themselves"
    )
