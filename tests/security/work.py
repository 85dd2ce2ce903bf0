"""What does each role do in Redis, all of it? Acts of the production code, on a store opened as that role."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

import onebeat
from onebeat.clock import SYSTEM
from onebeat.config.declare import restored
from onebeat.config.reading import read
from onebeat.errors import NotConfirmed, WaitTimeout
from onebeat.keys import LockKeys, queue_keys
from onebeat.ledger import Historian, create_tables, open_engine
from onebeat.locks import Lock, RWLock, holders
from onebeat.locks.calls import Attempt
from onebeat.locks.door import new_token
from onebeat.locks.history import story
from onebeat.locks.protocol import Grant, acquire, renew
from onebeat.locks.quorum import WITNESS
from onebeat.locks.view import peek as look
from onebeat.queue import By, Client, Move, Which, peek
from onebeat.queue.client import draft
from onebeat.queue.control import Ask, Inserted, cancel, insert, pause, resume
from onebeat.queue.cycle import Settled, cycle_call, read_claims
from onebeat.queue.enqueue import Draft, Lanes
from onebeat.queue.following import Note, gather, relay
from onebeat.queue.front import ahead
from onebeat.queue.liveness import beat, bell_of, recover, release
from onebeat.queue.record import Header, Message, pack, unpack
from onebeat.queue.results import tell
from onebeat.queue.settling import approve, approved, forget, scheduled
from onebeat.queue.signing import NO_KEYS
from onebeat.scheduler.beat import Beat
from onebeat.scheduler.declarations import Made
from onebeat.scheduler.declared import declared
from onebeat.scheduler.schedule import Schedule
from onebeat.wire import Command, Store
from onebeat.wire.health import inspect
from onebeat.worker.bounds import Bounds, Slots
from onebeat.worker.rates import Pace
from tests.worker.running import until

WITHIN_S = 60.0
YAML = b"schedules: {tick: {task: 't:tick', every: 1s}}"
MOVED = b"schedules: {tock: {task: 't:tick', every: 1s, queue: other, formerly: tick}}"


def act_as_beat(store: Store, admin: Store, _folder: Path) -> None:
    """A schedule moves to another queue under a new id, and back."""
    inspect(store)
    for number, (yaml, queue) in enumerate(((YAML, "default"), (MOVED, "other"), (YAML, "default"))):
        schedules = [schedule for _, schedule in read(yaml, "onebeat.yaml").schedules]
        store.run(scheduled(store.space, store.namespace, "c"))
        store.run(approved(store.space))
        onebeat.Client(admin).schedules.create("made", "t:tick", every="1s", queue=queue)
        running = Beat(store, schedules, config=f"c{number}", made=_made)
        thread = threading.Thread(target=running.run)
        thread.start()
        log = queue_keys(store.namespace, queue).log
        before = admin.perform(Command(("XLEN", log)))
        try:
            until(lambda log=log, before=before: admin.perform(Command(("XLEN", log))) > before, "a fire")
            until(lambda: onebeat.Client(admin).schedules.describe("made").cursor, "the program's is known")
        finally:
            running.stop()
            thread.join()
            onebeat.Client(admin).schedules.delete("made")


def _made(found: Mapping[str, Made]) -> list[Schedule]:
    return [restored(id_, one.text) for id_, one in found.items()]


def act_as_schedules(store: Store, _admin: Store, _folder: Path) -> None:
    """Everything that a program does with a schedule."""
    schedules = onebeat.Client(store).schedules
    assert schedules.create("mine", "t:tick", every="1h")
    assert schedules.update("mine", every="2h")
    assert schedules.pause("mine", reason="a test")
    assert schedules.describe("mine").paused
    assert schedules.resume("mine")
    assert schedules.trigger("mine").id
    assert "mine" in [one.id for one in schedules.list()]
    assert schedules.delete("mine")


def act_as_client(store: Store, _admin: Store, _folder: Path) -> None:
    client, key = Client(store), new_token()
    assert not client.enqueue("t:plain", [1]).existing
    assert not client.enqueue("t:keyed", [1], key=key).existing
    assert client.enqueue("t:keyed", [1], key=key).existing
    client.enqueue("t:later", delay=3600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("onebeat.queue.client.WITHIN_S", 0.1)
        with pytest.raises(NotConfirmed):  # there is no replica
            client.enqueue("t:safe", durability="replicated")
    queued = queue_keys(store.namespace, "default")
    store.run(gather(queued, new_token(), 2, None, NO_KEYS, within_s=WITHIN_S))
    asked = client.enqueue("t:asked", result_ttl="1m")
    assert asked.progress() is None
    with contextlib.suppress(WaitTimeout):
        asked.result(timeout=0.1)


def act_as_locks(store: Store, _admin: Store, _folder: Path) -> None:
    """Two who want the same lock: the second waits and is woken."""
    with Lock(store, "door").hold() as lease:
        later = threading.Thread(target=_enter, args=(store,))
        later.start()
        until(lambda: _waiters(store), "somebody to wait")
        assert lease.valid
    later.join()
    keys, token = LockKeys(store.namespace, "gate"), new_token()
    granted = store.run(acquire(Attempt(keys, token, 5_000, "{}"), 0.0, SYSTEM))
    assert isinstance(granted, Grant)
    assert store.run(renew([(keys, token, 5_000)])) == [True]
    store.perform(
        WITNESS.call(owner=keys.owner, state=keys.state, born=store.space.born, token=token, fence=1)
    )
    _share(store)


def _share(store: Store) -> None:
    """Readers and a writer; somebody waits for them and is woken."""
    rw = RWLock(store, "room")
    with rw.read.hold() as lease:
        later = threading.Thread(target=_write, args=(store,))
        later.start()
        until(lambda: rw.roster().waiters, "somebody to wait")
        assert store.run(renew([(lease.keys, lease.token, 5_000)])) == [True]
    later.join()


def _write(store: Store) -> None:
    with RWLock(store, "room").write.hold(wait=WITHIN_S):
        pass


def _enter(store: Store) -> None:
    with Lock(store, "door").hold(wait=WITHIN_S):
        pass


def _waiters(store: Store) -> int:
    held = store.run(look(LockKeys(store.namespace, "door")))
    return held.waiters if held else 0


def act_as_worker(store: Store, admin: Store, folder: Path) -> None:
    """Joins, waits for a bell, claims, settles in every way, dies and is recovered."""
    inspect(store)
    keys = queue_keys(store.namespace, "default")
    act_as_client(store, admin, folder)
    act_as_locks(store, admin, folder)
    store.run(beat(keys, ["w1", "w2"], lease_ms=60_000, join=True, within_s=WITHIN_S))
    store.perform(Command(("HSET", store.space.workers, "w1", b"{}")))
    assert store.perform(bell_of(keys, block_s=1.0)) is not None
    for _ in range(3):
        Client(store).enqueue("t:plain")
    claimed = _cycle(store, "w1", 1, 3, [])
    retried, buried, *_ = claimed
    settled = [
        Settled(retried, Move.RETRY, 1, record=_record(admin, "w1", retried)),
        Settled(buried, Move.BURY, record=_record(admin, "w1", buried), why=b"{}"),
    ]
    rest = _cycle(store, "w1", 2, 5, settled)
    store.run(release(keys, "w1", rest[:1], within_s=WITHIN_S))
    store.run(tell(keys, ["w"], within_s=WITHIN_S))
    note = msgspec.msgpack.encode(Note("default", group="g", member="m"))
    admin.perform(Command(("HSET", keys.outbox, "m", note)))
    assert store.run(relay(keys, store.namespace, Lanes(), within_s=WITHIN_S)) == 1
    assert _cycle(store, "w2", 1, 1, [])
    _wait_for_a_slot(store)
    assert store.run(recover(keys, "w2", gone=True, within_s=WITHIN_S)) == 1
    store.run(beat(keys, ["w1"], lease_ms=60_000, join=False, within_s=WITHIN_S))
    store.run(release(keys, "w1", leave=True, within_s=WITHIN_S))
    store.perform(Command(("HDEL", store.space.workers, "w1")))
    _read_history(store, folder)


def _wait_for_a_slot(store: Store) -> None:
    """Three of one key, one at a time: the end of the first lets the second begin; tokens are there."""
    bounds = Bounds(Slots("k", 1), Pace(None, 100, 3))
    made = [bounds.put(draft("t:plain").message, "t", len, (), {}) for _ in range(3)]
    Client(store).send_drafts("default", [Draft(one) for one in made])
    claimed = _cycle(store, "w1", 3, 256, [])
    assert made[0].id in claimed
    assert made[1].id in _cycle(store, "w1", 4, 256, [Settled(made[0].id, Move.FINISH)])


def _cycle(store: Store, wid: str, seq: int, want: int, settled: list[Settled]) -> list[str]:
    keys = queue_keys(store.namespace, "default")
    call = cycle_call(keys, wid=wid, seq=seq, lease_ms=60_000, want=want, settled=settled)
    return [unpack(record).id for record in read_claims(store.perform(call)).records]


def _record(admin: Store, wid: str, id_: str) -> bytes:
    record = admin.perform(Command(("HGET", queue_keys(admin.namespace, "default").own(wid), id_)))
    return pack(unpack(record))


def _read_history(store: Store, folder: Path) -> None:
    engine = open_engine(f"sqlite:///{folder / 'history.db'}")
    try:
        create_tables(engine)
        Historian(store, engine, store.namespace).catch_up(["default"])
    finally:
        engine.dispose()


def act_as_viewer(store: Store, admin: Store, folder: Path) -> None:
    """Looks at everything, where there is something of everything."""
    keys = queue_keys(store.namespace, "default")
    _furnish(admin, folder)
    inspect(store)
    store.perform(Command(("TIME",)))
    assert store.run(declared(store.space)).schedules is not None
    assert [view.name for view in store.run(peek.queues(store.namespace))] == ["default", "other"]
    assert store.run(peek.dead(keys))
    assert store.run(peek.workers(store.namespace))
    assert store.run(peek.schedules(keys))
    store.run(ahead(keys, 5))
    assert "held" in [held.name for held in holders(store)]
    assert store.run(story(LockKeys(store.namespace, "held"))) is not None
    assert RWLock(store, "room").roster().count == 0
    _read_history(store, folder)


def _furnish(admin: Store, folder: Path) -> None:
    """Something of everything that can be looked at."""
    keys = queue_keys(admin.namespace, "default")
    act_as_beat(admin, admin, folder)
    act_as_worker(admin, admin, folder)
    admin.run(beat(keys, ["w9"], lease_ms=60_000, join=True, within_s=WITHIN_S))
    admin.perform(Command(("HSET", admin.space.workers, "w9", b'{"queues":{"default":["w9"]}}')))
    attempt = Attempt(LockKeys(admin.namespace, "held"), new_token(), 60_000, "{}")
    admin.run(acquire(attempt, 0.0, SYSTEM))


def act_as_operator(store: Store, admin: Store, folder: Path) -> None:
    act_as_viewer(store, admin, folder)
    act_as_client(store, admin, folder)
    act_as_schedules(store, admin, folder)
    assert Lock.force_release(store, "held", reason="a test")
    keys = queue_keys(store.namespace, "default")
    assert store.run(pause(keys, "tick", reason="a test", within_s=WITHIN_S))
    assert store.run(resume(keys, "tick", within_s=WITHIN_S))
    store.run(approve(store.space, "c0"))
    assert store.run(forget(keys, "c0", [("tick", "0")], within_s=WITHIN_S)) == 0
    assert store.run(cancel(keys, ["nobody"], within_s=WITHIN_S)) == [False]
    asked = Ask(
        "tick@1-x", "tick", 1, "queue-all", pack(Message("tick@1-x", Header("t:tick"), b"")), b'"id":"x"'
    )
    assert store.run(insert(keys, [asked], within_s=WITHIN_S)) != [Inserted.EXISTING]
    queue = Client(store).queue()
    assert queue.purge(By(), delayed=True).done
    queue.pause(By(), for_s=0.001)
    assert queue.resume(By())
    admin.perform(Command(("ZADD", keys.dead, 1, "nobody")))
    assert queue.redrive(Which(), By()).done == 1
    assert queue.discard(Which(), By()).done == 1


ACTS: dict[str, Callable[[Store, Store, Path], None]] = {
    "beat": act_as_beat,
    "client": act_as_client,
    "locks": act_as_locks,
    "schedules": act_as_schedules,
    "worker": act_as_worker,
    "viewer": act_as_viewer,
    "operator": act_as_operator,
}
