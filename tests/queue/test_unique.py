"""Is a singleton queued once, for exactly as long as its message lives?"""

from __future__ import annotations

import time
from typing import Any

import pytest

from onebeat.queue import By, Client, Handle, Which
from onebeat.queue.client import draft
from onebeat.queue.control import Ask, Inserted, cancel, insert
from onebeat.queue.cycle import Settled
from onebeat.queue.emission import Answer, Fate, emit
from onebeat.queue.enqueue import unique_field
from onebeat.queue.states import MOVES, TERMINAL, Move
from onebeat.queue.states import State as Life
from tests.queue.room import FAR_MS, WITHIN_S, Room, record
from tests.queue.test_emit import AT, fire

NAME = "report:1"
FIELD = unique_field(NAME)


def held(room: Room) -> str | None:
    """Which message is queued for the singleton; the two halves of its mark agree."""
    marks = {name.decode(): value.decode() for name, value in room.redis.hgetall(room.keys.unique).items()}
    id_ = marks.pop(FIELD, None)
    assert marks == ({} if id_ is None else {id_: FIELD})
    return id_


def mark(room: Room, id_: str) -> None:
    """As a script that queued `id_` for the singleton would have."""
    room.redis.hset(room.keys.unique, mapping={FIELD: id_, id_: FIELD})


def queued(room: Room, **options: Any) -> Handle:
    return Client(room.store).enqueue("t", queue="q", unique=NAME, **options)


def test_a_second_one_is_refused_and_told_of_the_first(room: Room) -> None:
    first = queued(room)
    assert not first.refused
    assert queued(room) == Handle(first.id, refused=True)
    assert queued(room, delay=5) == Handle(first.id, refused=True)
    other = Client(room.store).enqueue("t", queue="q", unique="report:2")
    assert not other.refused
    assert len(room.look()["ready"]) == 2


def test_of_one_call_the_first_is_queued(room: Room) -> None:
    sent = Client(room.store).send_drafts("q", [draft("t", unique=NAME) for _ in range(3)])
    assert sent == [Handle(sent[0].id), *[Handle(sent[0].id, refused=True)] * 2]


def test_what_is_refused_uses_up_no_key(room: Room) -> None:
    """Else the call that is sent again later would be taken for one that was queued."""
    first = queued(room)
    assert queued(room, key="k").refused
    room.run(cancel(room.keys, [first.id], within_s=WITHIN_S))
    room.cycle_joined(want=1)
    again = queued(room, key="k")
    assert not again.refused
    assert not again.existing
    assert queued(room, key="k") == Handle(again.id, existing=True)  # its own call comes before the singleton


ENDS = sorted(
    move for move, (source, target) in MOVES.items() if source is Life.CLAIMED and target in TERMINAL
)


@pytest.mark.parametrize("move", ENDS)
def test_every_end_frees_it(room: Room, move: Move) -> None:
    room.put({"lease": {"w": "alive"}, "own": {"w": ["a"]}})
    mark(room, "a")
    extra = {"record": record("a"), "why": b"{}"} if move is Move.BURY else {}
    room.cycle(settled=[Settled("a", move, **extra)])
    assert held(room) is None


def test_a_retry_keeps_it(room: Room) -> None:
    room.put({"lease": {"w": "alive"}, "own": {"w": ["a"]}})
    mark(room, "a")
    room.cycle(settled=[Settled("a", Move.RETRY, FAR_MS, record("a t1"))])
    assert held(room) == "a"
    assert queued(room).refused


def test_a_former_owner_does_not_free_it(room: Room) -> None:
    room.put({"lease": {"w": "alive", "v": "alive"}, "own": {"v": ["a"]}})
    mark(room, "a")
    assert room.cycle(settled=[Settled("a", Move.FINISH)]).late == 1
    assert held(room) == "a"


def test_a_death_keeps_it_and_the_last_one_frees_it(room: Room) -> None:
    room.put({"lease": {"w": "over"}, "own": {"w": ["a"]}})
    mark(room, "a")
    room.recover(deliveries_max=2)
    assert held(room) == "a"
    room.put({"lease": {"w": "over"}, "own": {"w": ["a d1"]}})
    room.recover(deliveries_max=2)
    assert held(room) is None


def test_giving_it_back_keeps_it(room: Room) -> None:
    room.put({"lease": {"w": "alive"}, "own": {"w": ["a"]}})
    mark(room, "a")
    room.release(leave=True)
    assert held(room) == "a"


@pytest.mark.parametrize("delay", [None, 50.0], ids=["in a list", "delayed"])
def test_cancelling_it_frees_it(room: Room, delay: float | None) -> None:
    first = queued(room, delay=delay)
    room.run(cancel(room.keys, [first.id], within_s=WITHIN_S))
    assert held(room) == (first.id if delay is None else None)
    room.cycle_joined(want=1)  # what is in a list ends when a worker takes it
    assert held(room) is None
    assert not queued(room).refused


def test_a_lost_store_forgets_it_with_its_message(room: Room) -> None:
    """And the run that goes on with nothing behind it does not free the mark of the next one."""
    room.put({"lease": {"w": "alive"}})
    first = queued(room)
    room.cycle(want=1)
    for key in room.dump():
        room.redis.delete(key)
    second = queued(room)
    assert not second.refused
    room.put({"lease": {"w": "alive"}})
    assert room.cycle(seq=2, settled=[Settled(first.id, Move.FINISH)]).late == 1
    assert held(room) == second.id


# -- schedules ---------------------------------------------------------------------------------------


def fired(room: Room, **changed: Any) -> Answer:
    one = fire(unique=NAME, **changed)
    (answer,) = room.run(emit(room.keys, "cfg", [one], within_s=WITHIN_S)).answers
    return answer


def test_a_fire_is_queued_once(room: Room) -> None:
    room.put(AT)
    assert fired(room) == Answer(Fate.EMITTED)
    assert held(room) == "s@200"
    again = {"cursor_ms": 200, "to_ms": 300, "record": record("s@300 live")}
    assert fired(room, overlap="allow", **again) == Answer(Fate.SKIPPED)
    told = {"schedule": "s", "nominal_ms": 300, "task": "", "reason": "queued", "count": 1}
    assert room.log()[-1] == {"event": "skipped", "id": "s@300", **told}
    assert room.look()["stats"] == {"emitted": 1, "skipped": 1, "skipped.queued": 1}
    assert (room.look()["live"], room.look()["sched"]) == ({"s": 1}, {"s": 300})


def test_a_fire_that_overlap_holds_back_leaves_no_mark(room: Room) -> None:
    room.put({**AT, "live": {"s": 1}})
    assert fired(room) == Answer(Fate.SKIPPED)
    assert held(room) is None
    assert room.log()[-1]["reason"] == "overlap"


def test_a_call_and_a_fire_exclude_each_other(room: Room) -> None:
    room.put(AT)
    first = queued(room)
    assert fired(room) == Answer(Fate.SKIPPED)
    room.run(cancel(room.keys, [first.id], within_s=WITHIN_S))
    room.cycle_joined(want=1)
    again = {"cursor_ms": 200, "to_ms": 300, "record": record("s@300 live")}
    assert fired(room, **again) == Answer(Fate.EMITTED)
    assert queued(room) == Handle("s@300", refused=True)


def test_a_cut_off_retry_frees_it(room: Room) -> None:
    room.put({**AT, "live": {"s": 1}, "due": {"s@100 t1 live": "later"}})
    mark(room, "s@100")
    (answer,) = room.run(emit(room.keys, "cfg", [fire(overlap="cancel-running")], within_s=WITHIN_S)).answers
    assert answer == Answer(Fate.EMITTED)
    assert held(room) is None


def test_a_person_cannot_start_a_second_one(room: Room) -> None:
    def asked(id_: str) -> Inserted:
        one = Ask(id_, "s", 7, "allow", record(id_), f'"id":"{id_}"'.encode(), unique=NAME)
        (answer,) = room.run(insert(room.keys, [one], within_s=WITHIN_S))
        return answer

    assert [asked("s@7"), asked("s@8"), asked("s@7")] == [
        Inserted.EMITTED,
        Inserted.QUEUED,
        Inserted.EXISTING,
    ]
    assert held(room) == "s@7"
    assert room.log()[-1] == {"event": "skipped", "id": "s@8", "reason": "queued", "count": 1}
    assert room.look()["stats"] == {"inserted": 1, "skipped": 1, "skipped.queued": 1}


def test_a_dead_letter_that_is_redriven_takes_its_place_again(room: Room) -> None:
    first = queued(room)
    (record,) = room.cycle_joined(want=1).records
    room.cycle(seq=2, settled=[Settled(first.id, Move.BURY, record=record, why=b"{}")])
    assert held(room) is None
    queue = Client(room.store).queue("q")
    tally = queue.redrive(Which(), By())
    assert (tally.done, tally.refused) == (1, 0)
    assert held(room) == first.id
    assert queued(room) == Handle(first.id, refused=True)


def test_it_stays_dead_while_another_is_queued(room: Room) -> None:
    """Two letters of one singleton, too: the first to die goes first."""
    dead = []
    room.put({"lease": {"w": "alive"}})
    for seq in (1, 3):
        dead.append(queued(room).id)
        (record,) = room.cycle(seq=seq, want=1).records
        room.cycle(
            seq=seq + 1, settled=[Settled(dead[-1], Move.BURY, record=record, why=b'{"reason":"failed"}')]
        )
        time.sleep(0.002)  # who died first is known to the millisecond
    queue = Client(room.store).queue("q")
    tally = queue.redrive(Which(), By())
    assert (tally.ids, tally.refused) == ([dead[0]], 1)
    assert (queue.redrive(Which(), By()).refused, held(room)) == (1, dead[0])
    assert [words.split()[0] for words in room.look()["dead"]] == dead[1:]
