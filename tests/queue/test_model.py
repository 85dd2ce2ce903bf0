"""Do the scripts do what the model says, in any order, with any reply lost and any worker dead?

Time moves only when told: a lease ends, and a message becomes due, by moving its score.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from onebeat.queue.control import cancel
from onebeat.queue.cycle import Settled, cycle_call, read_claims
from onebeat.queue.emission import Answer, Fate, Fire, adopt, emit, enrol
from onebeat.queue.enqueue import Draft, Lanes, Sent, enqueue
from onebeat.queue.liveness import beat, recover, release
from onebeat.queue.record import id_of
from onebeat.queue.states import MOVES, Move
from onebeat.queue.states import State as Life
from onebeat.scheduler.schedule import Overlap
from onebeat.wire import Protocol, Store
from tests.queue.model import Model, Told
from tests.queue.room import FAR_MS, WITHIN_S, Room, State, message, record

LOST = st.booleans()  # the reply to the first sending is lost, so the call is sent twice
ENDS = sorted(
    {move for move, (source, _) in MOVES.items() if source is Life.CLAIMED} - {Move.RECOVER, Move.RELEASE}
)
PROCESSES = ("w", "v")
DELIVERIES_MAX = 3
numbers = count()


class Queue(RuleBasedStateMachine):
    """Two worker processes (several incarnations each), senders and beats on one queue."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.room = Room(self.store, f"q{next(numbers)}")
        self.keys = self.room.keys
        self.model = Model(DELIVERIES_MAX)
        self.lanes = Lanes()
        self.wid = dict.fromkeys(PROCESSES, "")  # the incarnation that each process believes to be
        self.seq: dict[str, int] = {}
        self.mine: dict[str, set[str]] = {}  # what each incarnation believes to hold, or once held
        self.fence = 0
        self.cursor = 1
        self.ids = count()
        self.run(adopt(self.keys, "cfg", within_s=WITHIN_S))
        self.run(enrol(self.keys, "cfg", [("s", 1)], within_s=WITHIN_S))

    def run(self, protocol: Protocol[Any], *, lost: bool = False) -> Any:
        """The protocol's result; with `lost`, each of its calls runs twice and is answered once."""
        try:
            effect = next(protocol)
            while True:
                answer = self.store.perform(effect)
                effect = protocol.send(self.store.perform(effect) if lost else answer)
        except StopIteration as stop:
            return stop.value

    # -- senders ---------------------------------------------------------------------------------------

    @rule(priorities=st.lists(st.integers(0, 3), min_size=1, max_size=5), delayed=st.booleans(), lost=LOST)
    def enqueue(self, priorities: list[int], delayed: bool, lost: bool) -> None:
        new = [Told(f"m{next(self.ids):03}", 1 + n % 2, p) for n, p in enumerate(priorities)]
        drafts = [Draft(message(told.words), FAR_MS if delayed else 0) for told in new]
        sent = self.run(enqueue(self.keys, drafts, self.lanes, within_s=WITHIN_S), lost=lost)
        assert sent == [Sent(told.id) for told in new]
        for told in new:
            self.model.arrive(told, delayed=delayed)

    @rule(overlap=st.sampled_from(Overlap), stale=st.booleans(), lost=LOST)
    def emit(self, overlap: str, stale: bool, lost: bool) -> None:
        read = self.cursor - 1 if stale else self.cursor
        told = Told(f"s@{read + 1}", 1, schedule="s")
        fire = Fire("s", read, read + 1, read + 2, overlap, record=record(told.words))
        answer = self.run(emit(self.keys, "cfg", [fire], within_s=WITHIN_S), lost=lost).answers[0]
        if stale:
            assert answer == Answer(Fate.MOVED, self.cursor)
            return
        self.cursor += 1
        done = Answer(Fate.EMITTED if self.model.fire(told, overlap, self.cursor) else Fate.SKIPPED)
        assert answer == (Answer(Fate.MOVED, self.cursor) if lost else done)

    @precondition(lambda self: len(self.model.ended) < len(self.model.messages))
    @rule(data=st.data(), lost=LOST)
    def cancel(self, data: st.DataObject, lost: bool) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.model.messages.keys() - self.model.ended.keys())))
        answer = self.run(cancel(self.keys, [id_], within_s=WITHIN_S), lost=lost)
        over = self.model.cancel(id_)
        assert answer == [over and not lost]
        if over and lost:  # asked again it is not known any more; the wish expires by itself
            self.room.redis.zrem(self.keys.cancel, id_)

    # -- time ------------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.later)
    @rule(data=st.data())
    def becomes_due(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.model.later)))
        self.room.redis.zadd(self.keys.due, {id_: len(self.model.due) + 1})
        self.model.later.remove(id_)
        self.model.due.append(id_)

    @precondition(lambda self: self.model.held)
    @rule(data=st.data())
    def lease_ends(self, data: st.DataObject) -> None:
        wid = data.draw(st.sampled_from(sorted(self.model.held)))
        self.room.redis.zadd(self.keys.lease, {wid: 1})
        self.model.over.add(wid)

    # -- workers ---------------------------------------------------------------------------------------

    @rule(process=st.sampled_from(PROCESSES), lost=LOST)
    def start(self, process: str, lost: bool) -> None:
        wid = f"{process}{next(self.ids)}"
        pulse = self.run(beat(self.keys, [wid], lease_ms=FAR_MS, join=True, within_s=WITHIN_S), lost=lost)
        assert not pulse.fenced
        self.wid[process], self.seq[wid], self.mine[wid] = wid, 0, set()
        self.model.held[wid] = set()

    @precondition(lambda self: self.mine)
    @rule(data=st.data(), want=st.integers(0, 4), lost=LOST)
    def cycle(self, data: st.DataObject, want: int, lost: bool) -> None:
        """Any incarnation may wake up and settle what it believes to hold, fenced or not."""
        wid = data.draw(st.sampled_from(sorted(self.mine)))
        believed = sorted(self.mine[wid])
        ids = data.draw(st.lists(st.sampled_from(believed), unique=True)) if believed else []
        ends = [(id_, data.draw(st.sampled_from(ENDS))) for id_ in ids]
        self.seq[wid] += 1
        settled = [self._settled(id_, move) for id_, move in ends]
        call = cycle_call(self.keys, wid=wid, seq=self.seq[wid], lease_ms=FAR_MS, want=want, settled=settled)
        claims = read_claims(self.store.perform(call))
        before = set(self.model.held.get(wid, ())) - set(ids)
        expected = self.model.cycle(wid, ends, want)
        assert claims.fenced == (expected is None)
        if expected is None:
            return
        late, claimed = expected
        if not lost:
            assert claims.late == late
        assert [id_of(one) for one in claims.records] == claimed
        self._fences_grow(claims.fence, len(claims.records))
        if lost:
            claims = read_claims(self.store.perform(call))
            assert claims.again
            assert {id_of(one) for one in claims.records} == before | set(claimed)
            self._fences_grow(claims.fence, len(claims.records))
        self.mine[wid] |= set(claimed)

    def _settled(self, id_: str, move: Move) -> Settled:
        told = self.model.messages[id_]
        after = replace(told, attempt=told.attempt + 1) if move is Move.RETRY else told
        why = b"=lock all" if move is Move.PARK else b'{"reason":"test"}'
        return Settled(id_, move, FAR_MS, record(after.words), why, counted=told.schedule)

    def _fences_grow(self, fence: int, size: int) -> None:
        if size:
            assert fence > self.fence
            self.fence = fence + size - 1

    @precondition(lambda self: self.mine)
    @rule(lost=LOST)
    def beat(self, lost: bool) -> None:
        wids = sorted({wid for wid in self.wid.values() if wid})
        pulse = self.run(beat(self.keys, wids, lease_ms=FAR_MS, join=False, within_s=WITHIN_S), lost=lost)
        alive = set(wids) & set(self.model.held)
        assert pulse.fenced == set(wids) - alive
        self.model.over -= alive
        assert set(pulse.dead) == self.model.over
        held = {id_ for wid in wids for id_ in self.model.held.get(wid, ())}
        assert set(pulse.cancelled) == {id_ for id_ in held if self.model.is_wanted(id_)}

    @precondition(lambda self: self.mine)
    @rule(data=st.data(), gone=st.booleans(), lost=LOST)
    def recover(self, data: st.DataObject, gone: bool, lost: bool) -> None:
        """Anyone may call anyone dead, rightly or not; only the lease decides."""
        wid = data.draw(st.sampled_from(sorted(self.mine)))
        asked = recover(self.keys, wid, gone=gone, deliveries_max=DELIVERIES_MAX, within_s=WITHIN_S)
        found, expected = self.run(asked, lost=lost), self.model.recover(wid, gone=gone)
        assert found == (0 if lost and expected is not None else expected)

    @precondition(lambda self: self.mine)
    @rule(data=st.data(), leave=st.booleans(), lost=LOST)
    def release(self, data: st.DataObject, leave: bool, lost: bool) -> None:
        wid = data.draw(st.sampled_from(sorted(self.mine)))
        ids = data.draw(st.lists(st.sampled_from(sorted(self.mine[wid]) or ["none"])))
        asked = release(self.keys, wid, ids, leave=leave, within_s=WITHIN_S)
        found, expected = self.run(asked, lost=lost), self.model.release(wid, ids, leave=leave)
        assert found == (0 if lost else expected)

    # -- what always holds -----------------------------------------------------------------------------

    @invariant()
    def is_what_the_model_says(self) -> None:
        seen = self.room.look()
        # reasons of burials differ, the model only knows that they died
        seen["dead"] = dict.fromkeys(seen.get("dead", {}), "test")
        seen["stats"] = {name: number for name, number in seen.get("stats", {}).items() if number}
        expected = self.model.look()
        seen["cancel"] = sorted(seen.get("cancel", ()))
        for part in ("ready", "own", "lease", "due", "dead", "live", "waiting", "cancel", "stats"):
            assert (seen.get(part) or None) == (expected.get(part) or None), part
        self._nothing_is_lost_or_in_two_places(seen)

    def _nothing_is_lost_or_in_two_places(self, seen: State) -> None:
        places = [*seen.get("ready", ()), *seen.get("due", ()), *seen.get("dead", ())]
        places += seen.get("waiting", ())
        places += [text for held in seen.get("own", {}).values() for text in held]
        ids = [text.split()[0] for text in places]
        assert len(ids) == len(set(ids)), "Q3: a message is in two places"
        gone = {id_ for id_, life in self.model.ended.items() if life is not Life.DEAD}
        assert set(ids) | gone == set(self.model.messages), "Q2: a message is lost"
        assert not set(ids) & gone, "Q4: a message that ended is still somewhere"

    @invariant()
    def poison_dies(self) -> None:
        """Q5."""
        for told in self.model.messages.values():
            assert told.deliveries <= DELIVERIES_MAX


def test_model(store: Store) -> None:
    class Fresh(Queue):
        pass

    Fresh.store = store
    run_state_machine_as_test(
        Fresh,
        settings=settings(
            max_examples=50,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
