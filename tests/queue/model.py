"""What should a queue do? A few lists that say it, to compare the real scripts with. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from onebeat.queue.states import MOVES, TERMINAL, Move, State
from tests.queue.room import State as Look


@dataclass(frozen=True)
class Told:
    """A message as the model knows it."""

    id: str
    enqueued_ms: int
    priority: int = 0
    schedule: str = ""
    deliveries: int = 0
    attempt: int = 0

    @property
    def words(self) -> str:
        """As `room.words` writes its record."""
        parts = [self.id]
        for letter, number in (("p", self.priority), ("d", self.deliveries), ("t", self.attempt)):
            parts += [f"{letter}{number}"] if number else []
        parts += ["live"] if self.schedule else []
        return " ".join([*parts, f"@{self.enqueued_ms}"])

    @property
    def age(self) -> tuple[int, str]:
        """Sorts the oldest first."""
        return (self.enqueued_ms, self.id)


@dataclass
class Model:
    """A queue in lists and sets; ids stand for messages."""

    deliveries_max: int = 3
    messages: dict[str, Told] = field(default_factory=dict)
    ready: dict[int, list[str]] = field(default_factory=lambda: {p: [] for p in range(4)})
    held: dict[str, set[str]] = field(default_factory=dict)  # by wid, of those that have a lease
    over: set[str] = field(default_factory=set)  # wids whose lease is over
    due: list[str] = field(default_factory=list)  # due now, the earliest first
    later: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)  # for the end of the run before them
    wishes: set[str] = field(default_factory=set)  # ids that somebody wants to end
    cutoff: int = 0  # fires of `s` before this one are to end
    ended: dict[str, State] = field(default_factory=dict)
    stats: Counter[str] = field(default_factory=Counter)

    def arrive(self, told: Told, *, delayed: bool, word: str = "enqueued") -> None:
        self.messages[told.id] = told
        self.stats[word] += 1
        if delayed:
            self.later.add(told.id)
        else:
            self.ready[told.priority].append(told.id)

    def fire(self, told: Told, overlap: str, nominal: int) -> bool:
        """A fire of its schedule arrives; False when its policy does not let it in."""
        if overlap == "cancel-running" and self.running(told.schedule):
            self.cutoff = nominal
            before = f"{told.schedule}@{nominal - 1}"
            if before in self.later or before in self.due:
                self._take_out(before)
                self.ended[before] = State.CANCELLED
                self.stats["cancel"] += 1
        count = self.running(told.schedule)
        if not count or overlap == "allow":
            self.arrive(told, delayed=False, word="emitted")
        elif overlap in ("cancel-running", "queue-all") or (overlap == "queue-one" and count == 1):
            self.messages[told.id] = told
            self.stats["emitted"] += 1
            self.waiting.add(told.id)
        else:
            self.stats["skipped"] += 1
            self.stats["skipped.overlap"] += 1
            return False
        return True

    def cancel(self, id_: str) -> bool:
        """Whether it is over at once; else it is as soon as a worker has it."""
        if id_ not in (*self.later, *self.due, *self.waiting):
            self.wishes.add(id_)
            return False
        self._take_out(id_)
        self.stats["cancel"] += 1
        self._end(id_, State.CANCELLED)
        return True

    def _take_out(self, id_: str) -> None:
        self.later.discard(id_)
        self.waiting.discard(id_)
        self.due = [one for one in self.due if one != id_]

    def is_wanted(self, id_: str) -> bool:
        """Nobody wants it to run (any more)?"""
        told = self.messages[id_]
        return id_ in self.wishes or bool(told.schedule and int(id_.split("@")[1]) < self.cutoff)

    def _end(self, id_: str, state: State) -> None:
        """A message is over; the next of its schedule may start when no other is in the way."""
        assert id_ not in self.ended
        self.ended[id_] = state
        self.wishes.discard(id_)
        schedule = self.messages[id_].schedule
        left = self.running(schedule) if schedule else 0
        if schedule and not left:
            self.cutoff = 0
        elif schedule and self.waiting and left <= len(self.waiting):
            following = min(self.waiting)
            self.waiting.remove(following)
            self.ready[self.messages[following].priority].append(following)

    def running(self, schedule: str) -> int:
        """How many messages of a schedule are not over: what `live` must say."""
        return sum(told.schedule == schedule and id_ not in self.ended for id_, told in self.messages.items())

    def cycle(self, wid: str, settled: Sequence[tuple[str, Move]], want: int) -> tuple[int, list[str]] | None:
        """The number of late ends and the claimed ids; None for a worker that was declared dead."""
        if wid not in self.held:
            return None
        self.over.discard(wid)
        late = 0
        for id_, move in settled:
            if id_ not in self.held[wid]:
                late += 1
                continue
            self.held[wid].remove(id_)
            self._settle(id_, move)
        self.stats["late"] += late
        for id_ in self.due:
            self.ready[self.messages[id_].priority].append(id_)
        self.due.clear()
        claimed: list[str] = []
        for ready in self.ready.values():
            count = want - len(claimed)
            taken = ready[:count]
            del ready[:count]
            for id_ in taken:
                if self.is_wanted(id_):
                    self.stats["cancel"] += 1
                    self._end(id_, State.CANCELLED)
                else:
                    claimed.append(id_)
        self.held[wid] |= set(claimed)
        return late, claimed

    def _settle(self, id_: str, move: Move) -> None:
        target = MOVES[move][1]
        self.stats[move.value] += 1
        if target in TERMINAL:
            self._end(id_, target)
        else:
            attempt = self.messages[id_].attempt + (move is Move.RETRY)
            self.messages[id_] = replace(self.messages[id_], attempt=attempt)
            self.later.add(id_)

    def recover(self, wid: str, *, gone: bool) -> int | None:
        """How many it held; None when it lives."""
        if wid in self.held and wid not in self.over and not gone:
            return None
        ids = self.held.pop(wid, set())
        self.over.discard(wid)
        back = []
        for id_ in sorted(ids, key=lambda i: self.messages[i].age, reverse=True):
            told = self.messages[id_]
            self.messages[id_] = replace(told, deliveries=told.deliveries + 1)
            if told.deliveries + 1 >= self.deliveries_max:
                self.stats["bury"] += 1
                self._end(id_, State.DEAD)
            else:
                back.append(id_)
        self.stats["recovered"] += len(back)
        self._to_front(back)
        return len(ids)

    def release(self, wid: str, ids: Iterable[str], *, leave: bool) -> int:
        held = self.held.get(wid, set())
        back = set(held) if leave else held & set(ids)
        held -= back
        if leave:
            self.held.pop(wid, None)
            self.over.discard(wid)
        self.stats["released"] += len(back)
        self._to_front(back)
        return len(back)

    def _to_front(self, ids: Iterable[str]) -> None:
        """The oldest ends up first."""
        for id_ in sorted(ids, key=lambda i: self.messages[i].age, reverse=True):
            self.ready[self.messages[id_].priority].insert(0, id_)

    def look(self) -> Look:
        """What `Room.look` must show of it (without the parts that the model does not know)."""

        def said(ids: Iterable[str]) -> list[str]:
            return [self.messages[id_].words for id_ in ids]

        schedules = {told.schedule for told in self.messages.values() if told.schedule}
        dead = [id_ for id_, state in self.ended.items() if state is State.DEAD]
        state: Look = {
            "ready": [text for waiting in self.ready.values() for text in said(waiting)],
            "own": {wid: sorted(said(ids)) for wid, ids in self.held.items() if ids},
            "lease": {wid: "over" if wid in self.over else "alive" for wid in self.held},
            "waiting": said(sorted(self.waiting)),
            "cancel": sorted(self.wishes),
            "due": {**dict.fromkeys(said(self.due), "now"), **dict.fromkeys(said(self.later), "later")},
            "dead": dict.fromkeys(said(dead), "test"),
            "live": {name: count for name in schedules if (count := self.running(name))},
            "stats": {name: count for name, count in self.stats.items() if count},
        }
        return {part: value for part, value in state.items() if value}
