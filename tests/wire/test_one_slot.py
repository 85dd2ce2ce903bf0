"""Does the watch over the slots of script calls notice one that a Cluster would refuse?"""

from __future__ import annotations

import pytest

from onebeat.keys import queue_keys
from onebeat.queue.scripts import ENQUEUE


def keys_of(queue: str, *, bell_of: str) -> dict[str, object]:
    keys, other = queue_keys("n", queue), queue_keys("n", bell_of)
    return {
        "ready": keys.ready,
        "due": keys.due,
        "duerec": keys.duerec,
        "bell": other.bell,
        "stats": keys.stats,
        "lane": keys.lane("l"),
        "unique": keys.unique,
        "awaited": keys.awaited,
        "uniq": [],
        "seq": 1,
        "lane_ttl_ms": 1,
        "rules": b"",
        "records": [],
    }


def test_a_call_with_keys_of_two_queues_is_noticed() -> None:
    ENQUEUE.call(**keys_of("a", bell_of="a"))
    with pytest.raises(AssertionError, match="several slots"):
        ENQUEUE.call(**keys_of("a", bell_of="b"))
