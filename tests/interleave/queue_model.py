"""Where must each message of one queue be, and what must its scripts answer? A sequential model. Pure."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

import msgspec
from msgspec.structs import replace

from onebeat.queue.record import Message, unpack
from tests.interleave.queue_stored import Stored
from tests.interleave.scenario import expect

GONE = 2**53 - 1  # what an incarnation that has ended leaves in place of its last number
MOVED_TO = {"finish": "done", "bury": "dead", "skip": "skipped", "expire": "expired", "cancel": "cancelled"}


def settled_rows(args: Sequence[Any]) -> list[Sequence[Any]]:
    """What a cycle settles, a row each: id, move, delay_ms, record, why, counted, event, more, after."""
    finished = [(id_, "finish", 0, b"", b"", "", b"", b"", b"") for id_ in args[5].split()]
    return [*finished, *(args[at : at + 9] for at in range(8, len(args), 9))]


@dataclass
class Model:
    """`claims` and `fence_max` outlive every loss; `members`: the groups that the cycle under way names."""

    stored: Stored = field(default_factory=Stored)
    claims: Counter[str] = field(default_factory=Counter)
    fence_max: int = 0
    members: Sequence[str] = ()

    def remember(self) -> Stored:
        return copy.deepcopy(self.stored)

    def lost(self, memory: Stored | None) -> None:
        self.stored = copy.deepcopy(memory) if memory else Stored()

    def owned(self, wid: str) -> dict[str, Message]:
        return self.stored.own.setdefault(wid, {})

    # -- enqueue --------------------------------------------------------------------------------------

    def enqueue(self, keys: Sequence[Any], args: Sequence[Any], now_ms: int, answer: Any) -> None:
        stored, lane, seq = self.stored, str(keys[8]), int(args[0])
        last, told = stored.lanes.get(lane, (0, []))
        if seq <= last:
            if seq == last:
                expect(answer == told, "Q1", f"call {seq} of a lane was answered {told}, again {answer}")
            else:
                expect(
                    isinstance(answer, Exception), "Q1", f"call {seq} of a lane came after {last}: {answer}"
                )
            return
        expected: list[bytes] = []
        rules = msgspec.msgpack.decode(args[2]) if args[2] else {}
        for number, record in enumerate(args[3:], 1):
            message = unpack(record)
            delay_ms, place, fingerprint, _, name, keep_ms = rules.get(number, (0, 0, "", 0, "", 0))
            key = str(keys[10 + place]) if place else ""
            word = self._known(key, name, fingerprint)
            expected.append(word.encode())
            if not word:
                stored.stored += 1
                stored.uniq |= {key: (message.id, fingerprint)} if key else {}
                stored.unique |= {name: message.id} if name else {}
                stored.awaited |= {message.id} if keep_ms else set()
                self._put(message, now_ms, delay_ms)
        expect(answer == expected, "Q1", f"enqueue answered {answer}, expected {expected}")
        stored.lanes[lane] = (seq, expected)

    def _known(self, key: str, name: str, fingerprint: str) -> str:
        """What is answered when `key` was used before, or singleton `name` is queued; else nothing."""
        if key in self.stored.uniq:
            first, its_print = self.stored.uniq[key]
            return ("=" if its_print == fingerprint else "!") + first
        return f"~{self.stored.unique[name]}" if name in self.stored.unique else ""

    def _put(self, message: Message, now_ms: int, delay_ms: int) -> None:
        if delay_ms > 0:
            self.stored.due[message.id] = (now_ms + delay_ms, message)
        else:
            self.stored.ready[message.priority].append(message)

    # -- cycle ----------------------------------------------------------------------------------------

    def cycle(self, args: Sequence[Any], now_ms: int, answer: Sequence[Any]) -> None:
        stored, wid, seq = self.stored, str(args[0]), int(args[1])
        status, last = answer[0].decode(), stored.seq.get(wid, 0)
        right = self._status(wid, seq, last)
        expect(status == right, "Q3", f"cycle {seq} of {wid} after {last} was answered {status}, not {right}")
        if right in ("fenced", "stale"):
            return
        stored.lease_ms[wid] = now_ms + int(args[2])
        gap = right == "again" and seq > last
        if right == "again":
            if gap:
                self._settle_all(wid, args, now_ms, int(answer[2]))
                self.claims.update(list(self.owned(wid)))  # what is not known any more begins once more
                stored.seq[wid] = seq
            records = sorted(unpack(record).id for record in answer[5])
            expect(records == sorted(self.owned(wid)), "Q3", f"{wid} holds {self.owned(wid)}, told {records}")
        else:
            stored.seq[wid] = seq
            self._settle_all(wid, args, now_ms, int(answer[2]))
            self._promote(now_ms)
            self._claim(wid, int(args[3]), answer[5])
        self._fences(int(answer[4]), len(answer[5]))

    def _status(self, wid: str, seq: int, last: int) -> str:
        if wid not in self.stored.lease_ms:
            return "fenced"
        if seq < last:
            return "stale"
        return "again" if seq == last or (last and seq > last + 1) else "ok"

    def _settle_all(self, wid: str, args: Sequence[Any], now_ms: int, told: int) -> None:
        late = sum(self._settle(wid, row, now_ms) for row in settled_rows(args))
        expect(told == late, "Q3", f"{wid} settled {late} late, told {told}")

    def _settle(self, wid: str, row: Sequence[Any], now_ms: int) -> int:
        """1 when `wid` does not hold the message (any more)."""
        id_, move, delay_ms, record = str(row[0]), str(row[1]), int(row[2]), row[3]
        held = self.owned(wid).pop(id_, None)
        if held is None:
            return 1
        if move == "retry":
            again = unpack(record)
            expect(again.attempt == held.attempt + 1, "Q5", f"{id_}: attempt {again.attempt} follows {held}")
            self.stored.due[id_] = (now_ms + delay_ms, again)
        elif move == "park":
            again = unpack(record)
            expect(
                again.attempt == held.attempt, "Q5", f"{id_} was parked and attempt {again.attempt} counted"
            )
            self._park(again, row[4], now_ms, delay_ms)
        else:
            self._end(id_, MOVED_TO[move], bytes(row[7]))
            if move == "finish" and row[8]:
                self.stored.follow(id_, bytes(row[8]), self.members)
        return 0

    def _park(self, message: Message, why: bytes, now_ms: int, delay_ms: int) -> None:
        stored, id_ = self.stored, message.id
        lock, keep = why.decode().split()
        mine = (lock, message.enqueued_ms, id_)
        beside = sorted(one for one in stored.parked.values() if one[0] == lock)
        for other in beside if keep == "last" else ():
            if other > mine:
                self._end(id_, "skipped")
                return
            del stored.parked[other[2]], stored.due[other[2]]
            self._end(other[2], "skipped")
        ahead = sum(one < mine for one in stored.parked.values() if one[0] == lock)
        stored.parked[id_] = mine
        stored.due[id_] = (now_ms + delay_ms * (1 + min(ahead, 3)), message)

    def wake(self, lock: str, told: str) -> None:
        """The first that is parked for `lock` goes to the front."""
        first = min((one for one in self.stored.parked.values() if one[0] == lock), default=("", 0, ""))[2]
        expect(told == first, "Q3", f"woken was {told!r}, first is {first!r}")
        if first:
            del self.stored.parked[first]
            message = self.stored.due.pop(first)[1]
            self.stored.ready[message.priority].insert(0, message)

    def _end(self, id_: str, state: str, more: bytes = b"") -> None:
        expect(id_ not in self.stored.ended, "Q4", f"{id_} is {state} after {self.stored.ended.get(id_)}")
        self.stored.ended[id_] = state
        if state != "dead" and id_ in self.stored.awaited:
            self.stored.awaited.discard(id_)
            self.stored.results[id_] = b"\n".join((state.encode(), *more.split(b"\n", 1)[1:]))
        self.stored.unique = {name: of for name, of in self.stored.unique.items() if of != id_}

    def _promote(self, now_ms: int) -> None:
        ripe = sorted((at, id_) for id_, (at, _) in self.stored.due.items() if at <= now_ms)
        for _, id_ in ripe:
            message = self.stored.due.pop(id_)[1]
            self.stored.parked.pop(id_, None)
            self.stored.ready[message.priority].append(message)

    def _claim(self, wid: str, want: int, records: Sequence[bytes]) -> None:
        expected: list[Message] = []
        for waiting in self.stored.ready:
            taken = waiting[: want - len(expected)]
            del waiting[: len(taken)]
            expected += taken
        self._has(wid, records, expected)

    def _has(self, wid: str, records: Sequence[bytes], expected: list[Message]) -> None:
        told = [unpack(record) for record in records]
        shown = [[(one.id, one.attempt, one.deliveries) for one in some] for some in (told, expected)]
        expect(
            shown[0] == shown[1],
            "Q3",
            f"{wid} claimed {shown[0]}, next were {shown[1]} (attempt, deliveries)",
        )
        self.owned(wid).update({one.id: one for one in expected})
        self.claims.update(one.id for one in expected)

    def _fences(self, first: int, count: int) -> None:
        if count:
            expect(first > self.fence_max, "L3", f"fence {first} of a claim after {self.fence_max}")
            self.fence_max = first + count - 1

    # -- leases ---------------------------------------------------------------------------------------

    def beat(self, args: Sequence[Any], now_ms: int, answer: Sequence[Any]) -> None:
        leases = self.stored.lease_ms
        for wid, alive in zip(args[2:], answer[1], strict=True):
            lives = bool(int(args[0])) or wid in leases
            expect(bool(alive) == lives, "Q3", f"{wid} was told {alive}, its lease: {leases.get(wid)}")
            if lives:
                leases[wid] = now_ms + int(args[1])
        dead = {wid for wid, until in leases.items() if until <= now_ms}
        told = {wid.decode() for wid in answer[2]}
        expect(told == dead, "Q3", f"dead are {dead}, told {told}")

    def recover(self, args: Sequence[Any], now_ms: int, answer: Any) -> None:
        wid, gone = str(args[0]), int(args[1])
        alive = not gone and self.stored.lease_ms.get(wid, 0) > now_ms
        if alive or answer == b"alive":
            expect(alive and answer == b"alive", "Q3", f"recovering {wid}, alive: {alive}, answered {answer}")
            return
        held = self._leave(wid)
        expect(int(answer) == len(held), "Q3", f"{wid} held {held}, {answer} were recovered")
        front: list[Message] = []
        for message in held:
            again = replace(message, deliveries=message.deliveries + 1)
            if again.deliveries >= int(args[2]):
                self._end(again.id, "dead")
            else:
                front.append(again)
        self._push_front(front)

    def release(self, args: Sequence[Any], answer: Any) -> None:
        wid, leave = str(args[0]), int(args[1])
        if leave:
            back = self._leave(wid)
        else:
            back = [self.owned(wid).pop(id_) for id_ in dict.fromkeys(args[3:]) if id_ in self.owned(wid)]
        expect(int(answer) == len(back), "Q3", f"{wid} gave back {back}, told {answer}")
        self._push_front(back)

    def _leave(self, wid: str) -> list[Message]:
        self.stored.lease_ms.pop(wid, None)
        self.stored.seq[wid] = GONE
        return list(self.stored.own.pop(wid, {}).values())

    def _push_front(self, back: list[Message]) -> None:
        for message in sorted(back, key=lambda one: (one.enqueued_ms, one.id.encode()), reverse=True):
            self.stored.ready[message.priority].insert(0, message)

    # -- one snapshot -----------------------------------------------------------------------------------

    def places(self) -> dict[str, list[str]]:
        """Where every message is; the same shape as `queueing.seen_places`, and who is queued once."""
        stored = self.stored
        found = {f"ready {p}": [one.id for one in waiting] for p, waiting in enumerate(stored.ready)}
        found |= {f"own {wid}": sorted(held) for wid, held in stored.own.items() if held}
        pairs = stored.unique.items()
        found["unique"] = sorted(text for name, id_ in pairs for text in (f"{name} {id_}", f"{id_} {name}"))
        found["due"] = sorted(stored.due)
        found["outbox"], found["group"] = sorted(stored.outbox), sorted(stored.groups)
        found["member"] = sorted(f"{id_} {name}" for name, one in stored.groups.items() for id_ in one.done)
        found["awaited"] = sorted(stored.awaited)
        found["kept"] = sorted(stored.results)
        found["result"] = sorted(f"{id_} {sha1(text).hexdigest()}" for id_, text in stored.results.items())
        found["parked"] = found["parked too"] = sorted(stored.parked)
        found["dead"] = sorted(id_ for id_, state in stored.ended.items() if state == "dead")
        return {place: ids for place, ids in found.items() if ids}

    def complete(self) -> bool:
        """Is every stored message in a terminal state?"""
        return len(self.stored.ended) == self.stored.stored
