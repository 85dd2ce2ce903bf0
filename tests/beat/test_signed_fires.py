"""With keys: is what a beat queues signed, and what a person asks for?"""

from __future__ import annotations

from onebeat.clock import SYSTEM
from onebeat.keys import queue_keys
from onebeat.queue import KeyRing
from onebeat.queue.control import insert
from onebeat.scheduler import EveryTrigger
from onebeat.scheduler.pulse import RedisTime
from onebeat.scheduler.schedule import Overlap, Schedule
from onebeat.scheduler.section import Section
from onebeat.scheduler.wishes import triggered
from onebeat.wire import Store
from tests.worker.running import until

RING = KeyRing((b"k" * 32,))
OFTEN = Schedule(id="often", task="m:f", trigger=EveryTrigger(0.05), overlap=Overlap.ALLOW)


def test_fires_are_signed_for_their_queue(store: Store) -> None:
    keys = queue_keys(store.namespace, "default")
    section = Section(store, keys, [OFTEN], "one", RedisTime(SYSTEM), RING)
    section.tend({})
    until(lambda: section.pass_once(0) and store.client.llen(keys.ready[0]), "something is emitted")
    store.run(insert(keys, [triggered(OFTEN, SYSTEM.wall_ms(), "x", Overlap.ALLOW)], RING, within_s=60.0))
    records = store.client.lrange(keys.ready[0], 0, -1)
    assert len(records) >= 2
    for record in records:
        RING.check(keys.prefix, record)
