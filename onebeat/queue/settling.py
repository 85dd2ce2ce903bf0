"""What becomes of the state of schedules that moved to another queue, have a new id, or are gone?

A schedule's state lives in the queue that it feeds. When a configuration becomes the newest in every
queue, nobody else moves a cursor any more; then what it has in another place goes there, once: copied
first and forgotten after that, so that a beat that dies in between leaves nothing lost. A schedule that is
not declared any more keeps its cursor until it is pruned, so that a roll back finds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from onebeat.keys import QueueKeys, SpaceKeys, queue_keys
from onebeat.queue.pages import names
from onebeat.queue.scripts import ARRIVE, BATCH_MAX, DEPART
from onebeat.wire import Command, Protocol, insist

_PAGE = 512
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Homes:
    """Where a configuration has its schedules: id → queue; `formerly`: an id that it had → its id now."""

    config: str
    queues: Mapping[str, str]
    formerly: Mapping[str, str] = field(default_factory=dict)

    def of(self, id_: str) -> tuple[str, str] | None:
        """The queue and id of what is stored as `id_`; None when it is not declared."""
        now = id_ if id_ in self.queues else self.formerly.get(id_, "")
        return (self.queues[now], now) if now in self.queues else None


def settle(namespace: str, queues: Sequence[str], homes: Homes, *, within_s: float) -> Protocol[int]:
    """Bring the state of schedules to where `homes` has them; how many moved. Cheap when that is done."""
    moved = 0
    for queue in queues:
        keys = queue_keys(namespace, queue)
        settled = yield from insist(Command(("HGET", keys.gen, "settled")), within_s=within_s)
        if settled is not None and settled.decode() == homes.config:
            continue
        strays, gone = yield from _look(keys, homes, within_s)
        strays += (back := (yield from _renamed_back(SpaceKeys(namespace), homes, gone, within_s)))
        gone = {id_: gone[id_] for id_ in gone.keys() - {id_ for id_, *_ in back}}
        left = [(id_, "") for id_ in gone]
        for home in sorted({home for _, _, home, _ in strays}):
            rows = [(id_, cursor, now) for id_, cursor, there, now in strays if there == home]
            arrived = yield from _arrive(keys, queue_keys(namespace, home), homes.config, rows, within_s)
            for id_, _, now in rows:
                if id_ != now:  # so that a roll back finds the way back
                    note = Command(("HSET", SpaceKeys(namespace).cluster, f"was:{now}", id_))
                    yield from insist(note, within_s=within_s)
            left += arrived
            moved += len(arrived)
        whole = len(left) == len(gone) + len(strays)
        yield from forget(keys, homes.config, left, within_s=within_s, settled=whole)
    return moved


def _arrive(
    source: QueueKeys, keys: QueueKeys, config: str, rows: Sequence[tuple[str, str, str]], within_s: float
) -> Protocol[list[tuple[str, str]]]:
    """Write down the state of schedules, (id, cursor, id now); those that were, as (id, cursor)."""
    arrived = []
    for batch in _batches(rows):
        state = []
        for key in (source.paused, source.fails, source.runs):
            ask = Command(("HMGET", key, *(id_ for id_, _, _ in batch)))
            state.append((yield from insist(ask, within_s=within_s)))
        columns = ([one or b"" for one in column] for column in state)
        now = [(id_, cursor, *more) for (_, cursor, id_), *more in zip(batch, *columns, strict=True)]
        call = ARRIVE.call(
            gen=keys.gen,
            sched=keys.sched,
            paused=keys.paused,
            fails=keys.fails,
            runs=keys.runs,
            config=config,
            schedules=now,
        )
        if int((yield from insist(call, within_s=within_s))) >= 0:
            arrived += [(id_, cursor) for id_, cursor, _ in batch]
    return arrived


def forget(
    keys: QueueKeys, config: str, rows: Sequence[tuple[str, str]], *, within_s: float, settled: bool = False
) -> Protocol[int]:
    """Forget schedules whose cursor still is the given one; how many were. Only the newest `config` may."""
    forgotten = 0
    for batch in _batches(rows) or [[]]:
        call = DEPART.call(
            gen=keys.gen,
            sched=keys.sched,
            next=keys.next,
            paused=keys.paused,
            fails=keys.fails,
            runs=keys.runs,
            config=config,
            settled=int(settled),
            schedules=batch,
        )
        forgotten += int((yield from insist(call, within_s=within_s)))
    return forgotten


def cursors(keys: QueueKeys, *, within_s: float) -> Protocol[dict[str, str]]:
    """Every schedule that the queue knows and its cursor, in pages."""
    found: dict[str, str] = {}
    place: Any = 0
    while True:
        page = Command(("HSCAN", keys.sched, place, "COUNT", _PAGE))
        place, entries = yield from insist(page, within_s=within_s)
        # some drivers make pairs of the answer, others hand it on as it came
        pairs = (
            entries.items() if isinstance(entries, dict) else zip(entries[::2], entries[1::2], strict=True)
        )
        found.update({id_.decode(): cursor.decode() for id_, cursor in pairs})
        if int(place) == 0:
            return found


def scheduled(space: SpaceKeys, namespace: str, config: str) -> Protocol[set[str]]:
    """The schedules that fire by themselves in queues where another configuration than `config` runs."""
    found: set[str] = set()
    for queue in (yield from names(space.queues)):
        keys = queue_keys(namespace, queue)
        top = yield Command(("HGET", keys.gen, "top"))
        place: Any = 0
        while top is not None and top.decode() != config:
            place, page = yield Command(("ZSCAN", keys.next, place, "COUNT", _PAGE))
            found.update(id_.decode() for id_, _ in page)
            if int(place) == 0:
                break
    return found


def approved(space: SpaceKeys) -> Protocol[str]:
    """The configuration of which a person said that it is meant; empty when there is none."""
    found = yield Command(("HGET", space.cluster, "approved"))
    return found.decode() if found else ""


def approve(space: SpaceKeys, config: str) -> Protocol[None]:
    """Say that the configuration `config` is meant, whatever it drops."""
    yield Command(("HSET", space.cluster, "approved", config))


def _look(
    keys: QueueKeys, homes: Homes, within_s: float
) -> Protocol[tuple[list[tuple[str, str, str, str]], dict[str, str]]]:
    """(id, cursor, queue, id now) of what has its home elsewhere; id → cursor of what is not declared."""
    strays, gone = list[tuple[str, str, str, str]](), dict[str, str]()
    for id_, cursor in (yield from cursors(keys, within_s=within_s)).items():
        home = homes.of(id_)
        if home is None:
            gone[id_] = cursor
        elif home != (keys.queue, id_):
            strays.append((id_, cursor, *home))
    return strays, gone


def _renamed_back(
    space: SpaceKeys, homes: Homes, gone: Mapping[str, str], within_s: float
) -> Protocol[list[tuple[str, str, str, str]]]:
    """Of what is not declared, that which is declared by the id that it had before."""
    found = []
    for batch in _batches(list(gone)):
        ask = Command(("HMGET", space.cluster, *(f"was:{id_}" for id_ in batch)))
        for id_, told in zip(batch, (yield from insist(ask, within_s=within_s)), strict=True):
            before = told.decode() if told else ""
            if before in homes.queues:
                found.append((id_, gone[id_], homes.queues[before], before))
    return found


def _batches(rows: Sequence[T]) -> list[Sequence[T]]:
    return [rows[at : at + BATCH_MAX] for at in range(0, len(rows), BATCH_MAX)]
