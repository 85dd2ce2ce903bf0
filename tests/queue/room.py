"""How does a test put a queue into a state, act on it, and see all of it?

A message is written as words: `a` is the message with id `a`, and `a p1 d2 t1 rec live @5` the same with
priority 1, deliveries 2, attempt 1, recorded, counted in `live`, enqueued at 5 ms. A state is a dict of the
parts that are not empty, so that a table can show the whole of it before and after.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from onebeat.keys import QueueKeys, queue_keys
from onebeat.queue.cycle import Claims, Settled, cycle_call, read_claims
from onebeat.queue.liveness import LEASE_MS, recover, release
from onebeat.queue.record import LIVE, RECORDED, Header, Message, pack, unpack
from onebeat.wire import Protocol, Store

State = dict[str, Any]
FAR_MS = 3_600_000
WITHIN_S = 60.0
GONE = b"9007199254740991"  # the number that an incarnation leaves which has left or was recovered


def message(words: str) -> Message:
    """The message that the words say."""
    id_, *rest = words.split()
    said: dict[str, int] = {}
    for word in rest:
        if word in ("rec", "live"):
            said["flags"] = said.get("flags", 0) | (RECORDED if word == "rec" else LIVE)
        else:
            said[{"p": "priority", "d": "deliveries", "t": "attempt", "@": "enqueued_ms"}[word[0]]] = int(
                word[1:]
            )
    schedule = id_.rpartition("@")[0]
    return Message(id=id_, header=Header(task="t", schedule=schedule), body=b"\x92\x90\x80", **said)


def record(words: str) -> bytes:
    """The record of the message that the words say."""
    return pack(message(words))


def words(stored: bytes) -> str:
    """The words for a record; foreign bytes as they are."""
    try:
        told = unpack(stored)
    except ValueError:
        return repr(stored)
    parts = [told.id]
    for letter, number in (("p", told.priority), ("d", told.deliveries), ("t", told.attempt)):
        parts += [f"{letter}{number}"] if number else []
    parts += ["rec"] if told.flags & RECORDED else []
    parts += ["live"] if told.flags & LIVE else []
    parts += [f"@{told.enqueued_ms}"] if told.enqueued_ms else []
    return " ".join(parts)


def _records(said: Iterable[str]) -> dict[str, bytes]:
    return {text.split()[0]: record(text) for text in said}


class Room:
    """One queue of a test, its keys and its whole state."""

    def __init__(self, store: Store, queue: str = "q") -> None:
        self.store = store
        self.redis: Any = store.client
        self.keys: QueueKeys = queue_keys(store.namespace, queue)

    def run(self, protocol: Protocol[Any]) -> Any:
        return self.store.run(protocol)

    def now_ms(self) -> int:
        """Redis TIME."""
        seconds, micros = self.redis.time()
        return int(seconds * 1000 + micros // 1000)

    # -- the state -----------------------------------------------------------------------------------

    def put(self, state: State) -> None:
        """Make the queue be in `state`; parts as `look` returns them."""
        redis, keys, now = self.redis, self.keys, self.now_ms()
        for text in state.get("ready", ()):
            redis.rpush(keys.ready[message(text).priority], record(text))
        for wid, held in state.get("own", {}).items():
            redis.hset(keys.own(wid), mapping=_records(held))
        for wid, seq in state.get("seq", {}).items():
            redis.hset(keys.own(wid), "#", seq)
        for wid, life in state.get("lease", {}).items():
            redis.zadd(keys.lease, {wid: now + (FAR_MS if life == "alive" else -1)})
        self._put_aside(keys.due, keys.duerec, state.get("due", {}), now)
        self._put_aside(keys.dead, keys.deadrec, state.get("dead", {}), now)
        for text, why in state.get("dead", {}).items():
            redis.hset(keys.deadwhy, text.split()[0], json.dumps({"reason": why}))
        self._put_waiting(state.get("waiting", ()))
        self._put_halt(state.get("halt", ""), now)
        for part in ("live", "stats", "sched", "gen", "paused", "fails", "runs"):
            if part in state:
                redis.hset(getattr(keys, part), mapping=state[part])
        for key, scores in (
            (keys.next, state.get("next")),
            (keys.cutoff, state.get("cutoff")),
            (keys.cancel, {id_: now + FAR_MS for id_ in state.get("cancel", ())}),
            (keys.bell, {"*": 0} if "bell" in state else None),
        ):
            if scores:
                redis.zadd(key, scores)

    def _put_waiting(self, said: Iterable[str]) -> None:
        for text in said:
            self.redis.zadd(self.keys.waiting, {text.split()[0]: 0})
            self.redis.hset(self.keys.waitrec, mapping=_records([text]))

    def _put_halt(self, until: str, now_ms: int) -> None:
        ends = {"for good": 0, "later": now_ms + FAR_MS, "over": now_ms - 1}
        if until:
            self.redis.set(self.keys.halt, f"{ends[until]} {{}}")

    def _put_aside(self, times: str, records: str, said: dict[str, str], now_ms: int) -> None:
        for text, when in said.items():
            self.redis.zadd(times, {text.split()[0]: now_ms + (FAR_MS if when == "later" else -1)})
            self.redis.hset(records, mapping=_records([text]))

    def look(self) -> State:
        """The whole state, without parts that are empty."""
        redis, keys, now = self.redis, self.keys, self.now_ms()
        own = {wid: self._fields(keys.own(wid)) for wid in self._wids()}
        due, dead = self._zset(keys.due), self._zset(keys.dead)
        dues, deads, whys = (redis.hgetall(key) for key in (keys.duerec, keys.deadrec, keys.deadwhy))
        assert set(dues) == {id_.encode() for id_ in due}
        assert set(deads) == set(whys) == {id_.encode() for id_ in dead}
        state: State = {
            "ready": [words(one) for key in keys.ready for one in redis.lrange(key, 0, -1)],
            "own": {
                w: sorted(words(v) for k, v in f.items() if k != "#")
                for w, f in own.items()
                if set(f) - {"#"}
            },
            "seq": {wid: int(held["#"]) for wid, held in own.items() if held.get("#", GONE) != GONE},
            "gone": [wid for wid, held in own.items() if held.get("#") == GONE],
            "lease": {wid: "alive" if end > now else "over" for wid, end in self._zset(keys.lease).items()},
            "due": {words(dues[i.encode()]): "later" if at > now else "now" for i, at in due.items()},
            "dead": {words(deads[i.encode()]): json.loads(whys[i.encode()])["reason"] for i in dead},
            "bell": bool(redis.exists(keys.bell)),
            "log": [f"{line['event']} {line['id']}" for line in self.log()],
            "next": self._zset(keys.next),
        }
        waiting = redis.hgetall(keys.waitrec)
        state["waiting"] = [words(waiting.pop(id_)) for id_ in redis.zrange(keys.waiting, 0, -1)]
        assert not waiting
        state["cancel"] = list(self._zset(keys.cancel))
        state["cutoff"] = self._zset(keys.cutoff)
        state["paused"] = {k: v.decode() for k, v in self._fields(keys.paused).items()}
        for part in ("live", "stats", "sched", "fails", "runs"):
            state[part] = {name: int(n) for name, n in self._fields(getattr(keys, part)).items()}
        until = int((redis.get(keys.halt) or b"-1").partition(b" ")[0])
        state["halt"] = {0: "for good", -1: ""}.get(until, "later" if until > now else "over")
        state["gen"] = {k: v.decode() for k, v in self._fields(keys.gen).items()}
        return {part: value for part, value in state.items() if value}

    def log(self) -> list[dict[str, Any]]:
        """The lines of the event log."""
        lines: list[dict[str, Any]] = []
        for _, fields in self.redis.xrange(self.keys.log):
            lines += map(json.loads, fields[b"e"].decode().split("\n"))
        return lines

    def dump(self) -> dict[bytes, bytes]:
        """Every key of the namespace, byte for byte."""
        found = list(self.redis.scan_iter(f"ob:{{{self.store.namespace}*", 1000))
        return {key: self.redis.dump(key) for key in found}

    def _wids(self) -> list[str]:
        prefix = self.keys.own("")
        return sorted(key.decode()[len(prefix) :] for key in self.redis.scan_iter(f"{prefix}*", 1000))

    def _fields(self, key: str) -> dict[str, bytes]:
        return {name.decode(errors="replace"): value for name, value in self.redis.hgetall(key).items()}

    def _zset(self, key: str) -> dict[str, int]:
        return {m.decode(): int(self.redis.zscore(key, m)) for m in self.redis.zrange(key, 0, -1)}

    # -- acts ----------------------------------------------------------------------------------------

    def cycle(
        self,
        wid: str = "w",
        seq: int = 1,
        want: int = 0,
        settled: Sequence[Settled] = (),
        lease_ms: int = LEASE_MS,
    ) -> Claims:
        call = cycle_call(self.keys, wid=wid, seq=seq, lease_ms=lease_ms, want=want, settled=settled)
        return read_claims(self.store.perform(call))

    def cycle_joined(self, wid: str = "w", want: int = 0) -> Claims:
        """One cycle of a worker that has just joined."""
        self.put({"lease": {wid: "alive"}})
        return self.cycle(wid, want=want)

    def recover(self, wid: str = "w", *, gone: bool = False, deliveries_max: int = 5) -> int | None:
        found: int | None = self.run(
            recover(self.keys, wid, gone=gone, deliveries_max=deliveries_max, within_s=WITHIN_S)
        )
        return found

    def release(self, wid: str = "w", ids: Sequence[str] = (), *, leave: bool = False) -> int:
        count: int = self.run(release(self.keys, wid, ids, leave=leave, within_s=WITHIN_S))
        return count


def told(records: Iterable[bytes]) -> list[str]:
    """The words for each record."""
    return [words(one) for one in records]


def then(before: State, **changed: Any) -> State:
    """`before` with these parts changed; an empty value takes the part away."""
    return {part: value for part, value in {**before, **changed}.items() if value}
