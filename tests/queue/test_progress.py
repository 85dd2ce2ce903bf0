"""Is how far a run is kept while it runs, only for its owner, and gone with its end, however it ends?"""

from __future__ import annotations

from typing import Any

import pytest

from onebeat.queue.cycle import Settled, cycle_call
from onebeat.queue.progress import NOTE_MAX, Progress, encoded, progress
from onebeat.queue.states import Move
from onebeat.worker.context import Context
from tests.queue.room import FAR_MS, WITHIN_S, Room, record

HALF = encoded(5, 10, "half")


def note(room: Room, id_: str = "a", wid: str = "w", seq: int = 1) -> None:
    room.put({"lease": {wid: "alive"}})
    call = cycle_call(room.keys, wid=wid, seq=seq, lease_ms=FAR_MS, want=0, settled=(), notes={id_: HALF})
    room.store.perform(call)


def told(room: Room, id_: str = "a") -> Progress | None:
    far: Progress | None = room.run(progress(room.keys, id_, within_s=WITHIN_S))
    return far


def test_it_is_told_while_it_runs(room: Room) -> None:
    room.put({"own": {"w": ["a", "b"]}})
    before_ms = room.now_ms()
    note(room)
    far = told(room)
    assert far is not None
    assert (far.done, far.total, far.note) == (5, 10, "half")
    assert before_ms <= far.at_ms <= room.now_ms()
    assert told(room, "b") is None


def test_a_former_owner_tells_nothing(room: Room) -> None:
    room.put({"own": {"w": ["a"]}})
    note(room, wid="v")
    assert told(room) is None


@pytest.mark.parametrize("move", [Move.FINISH, Move.RETRY, Move.BURY, Move.CANCEL])
def test_it_goes_with_the_end(room: Room, move: Move) -> None:
    room.put({"own": {"w": ["a"]}})
    note(room)
    room.cycle(seq=2, settled=[Settled("a", move, FAR_MS, record("a"), b"{}")])
    assert not room.redis.exists(room.keys.progress)


@pytest.mark.parametrize("how", ["recover", "release", "leave"])
def test_it_goes_with_its_worker(room: Room, how: str) -> None:
    room.put({"own": {"w": ["a"]}})
    note(room)
    if how == "recover":
        room.recover(gone=True)
    else:
        room.release(ids=["a"], leave=how == "leave")
    assert not room.redis.exists(room.keys.progress)


@pytest.mark.parametrize("numbers", [(-1,), (1, -1), (float("nan"),), (1, float("inf")), ("many",)])
def test_numbers_that_cannot_be_meant(numbers: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="give finite numbers of at least 0"):
        Context("a", "t").progress(*numbers)


def test_a_note_is_one_short_line() -> None:
    heard: list[bytes] = []
    Context("a", "t", noting=heard.append).progress(1, note="a\n  b \ud800" + "x" * 999)
    assert heard[0].startswith(b'{"done":1,"total":null,"note":"a b ?xxx')
    assert len(heard[0]) < NOTE_MAX + 60
    assert b"\n" not in heard[0]
