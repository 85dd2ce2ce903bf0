"""Which names may a key carry, and what shares a slot?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onebeat.errors import InvalidName
from onebeat.keys import PRIORITIES, TABLE, LockKeys, QueueKeys, ShareKeys, SpaceKeys, checked, queue_keys


def tag(key: str) -> str:
    """What decides the slot on a Redis Cluster: between the first brace and the next closing one."""
    start = key.index("{") + 1
    return key[start : key.index("}", start)]


@pytest.mark.parametrize("name", ["a", "default", "A.b-c_d:0", "0", "x" * 64])
def test_a_name_that_keys_can_carry(name: str) -> None:
    assert checked("queue", name) == name


@pytest.mark.parametrize(
    "name", ["", "x" * 65, "-a", ".a", ":a", "a b", "a{b", "a}b", "a\n", "a*", "é", "１", "a/b", "a\0"]
)
def test_a_name_that_they_cannot(name: str) -> None:
    with pytest.raises(InvalidName, match=r"queue .* is not a valid name"):
        QueueKeys("ns", name)
    with pytest.raises(InvalidName, match=r"namespace .* is not a valid name"):
        SpaceKeys(name)


@pytest.mark.parametrize("name", ["", "x" * 513])
def test_a_lock_has_a_name_of_some_length(name: str) -> None:
    with pytest.raises(InvalidName, match="1 to 512 characters"):
        LockKeys("ns", name)


def test_all_keys_of_a_queue_share_its_slot() -> None:
    keys = QueueKeys("ns", "mail")
    assert len(keys.ready) == PRIORITIES
    texts = [*keys.ready, keys.own("w"), keys.uniq("h"), keys.lane("l"), keys.lease, keys.due, keys.log]
    assert {tag(key) for key in texts} == {"ns:mail"}


@given(st.text(min_size=1, max_size=512))
def test_all_keys_of_a_lock_share_a_slot_whatever_its_name(name: str) -> None:
    """The name may hold braces: the tag ends at the first one, the same in every key of the lock."""
    keys = LockKeys("ns", name)
    texts = [keys.owner, keys.state, keys.queue, keys.waiters, keys.bell("t")]
    assert len(set(texts)) == 5
    assert len({tag(key) for key in texts}) == 1
    assert tag(texts[0]), "an empty tag would spread the keys"


@given(st.text(min_size=1, max_size=512))
def test_a_share_has_a_slot_of_its_own_and_no_key_of_the_lock_of_its_name(name: str) -> None:
    share, lock = ShareKeys("ns", name), LockKeys("ns", name)
    of_share = {share.permits, share.holders, share.state, share.queue, share.waiters, share.bell("t")}
    assert len(of_share) == 6
    assert len({tag(key) for key in of_share}) == 1
    assert not of_share & {lock.owner, lock.state, lock.queue, lock.waiters, lock.bell("t")}


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_two_locks_never_share_a_key(one: str, other: str) -> None:
    def texts(name: str) -> set[str]:
        keys = LockKeys("ns", name)
        return {keys.owner, keys.state, keys.queue, keys.waiters, keys.bell("t")}

    assert (one == other) or not texts(one) & texts(other)


def test_a_queue_and_a_lock_never_share_a_key() -> None:
    """`lock:x` is a valid queue name too; the words behind the tag tell them apart or agree on nothing."""
    queue, lock = QueueKeys("ns", "lock:x"), LockKeys("ns", "x")
    of_queue = {value for value in vars(queue).values() if isinstance(value, str)} - {queue.prefix, "lock:x"}
    assert not of_queue & {lock.owner, lock.state, lock.queue, lock.waiters, lock.bell("t")}


def test_keys_of_a_queue_are_built_once() -> None:
    assert queue_keys("ns", "q") is queue_keys("ns", "q")


def test_the_table_names_each_key_once() -> None:
    assert len({key.pattern for key in TABLE}) == len(TABLE)
