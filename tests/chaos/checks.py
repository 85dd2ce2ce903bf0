"""What must be true when all is calm again? Named checks over what was left behind. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from onebeat.ledger import Run
from onebeat.queue.states import TERMINAL

MANY = 5  # of the same violation are shown


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was left behind. `due`: the ids that the schedules owe, by arithmetic alone.

    `emissions`: (id, Redis ms). `effects`: (id, kind) of every row that a run wrote. `depths`: what the
    queue still holds, by name. `hits`: how many faults found a victim, and how many were aimed.
    """

    due: frozenset[str]
    schedules: Mapping[str, tuple[int, int]]
    emissions: Sequence[tuple[str, int]]
    history: Sequence[Run]
    effects: Sequence[tuple[str, str]]
    ledger: Sequence[str]
    counter: int
    acknowledged: Sequence[str]
    unknown: int
    depths: Mapping[str, int]
    processes: Sequence[int]
    statuses: Sequence[int]
    hits: int
    aimed: int
    lost_data: bool = False  # FLUSHALL was among the faults: what only Redis knew is gone


def _nominal_ms(id_: str) -> int:
    return int(id_.rpartition("@")[2])


def _fires(ids: Sequence[str]) -> list[str]:
    return [id_ for id_ in ids if "@" in id_]


def e1_at_most_one_emission(seen: Evidence) -> Iterator[str]:
    for id_, count in Counter(id_ for id_, _ in seen.emissions).items():
        if count > 1:
            yield f"{id_} was queued {count} times"


def e2_every_time_has_an_end(seen: Evidence) -> Iterator[str]:
    if seen.lost_data:
        return
    states = {run.id: run.state for run in seen.history}
    for id_ in sorted(seen.due):
        if states.get(id_) not in TERMINAL:
            yield f"{id_} is {states.get(id_, 'nowhere')}"


def e3_nothing_that_no_schedule_says(seen: Evidence) -> Iterator[str]:
    for id_ in _fires([*(run.id for run in seen.history), *(id_ for id_, _ in seen.effects)]):
        name = id_.rpartition("@")[0]
        period_ms, offset_ms = seen.schedules.get(name, (0, 0))
        if not period_ms or (_nominal_ms(id_) - offset_ms) % period_ms:
            yield f"{id_} is on no schedule"


def e5_never_early(seen: Evidence) -> Iterator[str]:
    for id_, at_ms in seen.emissions:
        if at_ms < _nominal_ms(id_):
            yield f"{id_} was queued {_nominal_ms(id_) - at_ms} ms early"


def f3_every_committed_increment_counts(seen: Evidence) -> Iterator[str]:
    committed = sum(kind == "count" for _, kind in seen.effects)
    if seen.counter != committed:
        yield f"the counter says {seen.counter} after {committed} committed increments"


def q1_acknowledged_calls_have_an_end(seen: Evidence) -> Iterator[str]:
    if seen.lost_data:
        return
    states = {run.id: run.state for run in seen.history}
    for id_ in seen.acknowledged:
        if states.get(id_) not in TERMINAL:
            yield f"call {id_} is {states.get(id_, 'nowhere')}"


def q2_nothing_is_held_or_waits(seen: Evidence) -> Iterator[str]:
    for name, depth in seen.depths.items():
        if depth:
            yield f"{depth} in {name}"


def q4_no_call_that_nobody_made(seen: Evidence) -> Iterator[str]:
    called = {id_ for id_, kind in seen.effects if kind == "called"}
    strays = called - set(seen.acknowledged)
    if len(strays) > seen.unknown:
        yield f"{len(strays)} calls ran that nobody was told of, and {seen.unknown} are unknown"


def x1_an_effect_has_its_row(seen: Evidence) -> Iterator[str]:
    effects, ledger = {id_ for id_, _ in seen.effects}, set(seen.ledger)
    yield from (f"{id_} has an effect and no ledger row" for id_ in sorted(effects - ledger))
    yield from (f"{id_} has a ledger row and no effect" for id_ in sorted(ledger - effects))


def x2_at_most_one_effect(seen: Evidence) -> Iterator[str]:
    for id_, count in Counter(id_ for id_, _ in seen.effects).items():
        if count > 1:
            yield f"{id_} had its effect {count} times"


def x3_done_is_one_effect(seen: Evidence) -> Iterator[str]:
    effects = {id_ for id_, _ in seen.effects}
    for run in seen.history:
        if run.state == "done" and run.id not in effects:
            yield f"{run.id} is done and had no effect"
        # a run whose worker died of it five times may have died each time after its commit
        if run.state in TERMINAL and run.state != "done" and run.id in effects and run.reason != "deliveries":
            yield f"{run.id} is {run.state} ({run.reason}: {run.error}) and had its effect"


def v_nothing_is_left_running(seen: Evidence) -> Iterator[str]:
    yield from (f"process {pid} still runs" for pid in seen.processes)
    yield from (f"a process ended with status {status}" for status in seen.statuses if status)


def v_the_faults_hit(seen: Evidence) -> Iterator[str]:
    if not seen.hits or not seen.aimed:
        yield f"vacuous: {seen.hits} faults hit, {seen.aimed} of them somebody who held something"
    if not seen.due or not seen.acknowledged:
        yield f"vacuous: {len(seen.due)} times were due, {len(seen.acknowledged)} calls acknowledged"


Check = Callable[[Evidence], Iterator[str]]
CHECKS: tuple[Check, ...] = (
    e1_at_most_one_emission,
    e2_every_time_has_an_end,
    e3_nothing_that_no_schedule_says,
    e5_never_early,
    f3_every_committed_increment_counts,
    q1_acknowledged_calls_have_an_end,
    q2_nothing_is_held_or_waits,
    q4_no_call_that_nobody_made,
    x1_an_effect_has_its_row,
    x2_at_most_one_effect,
    x3_done_is_one_effect,
    v_nothing_is_left_running,
    v_the_faults_hit,
)


def violations(seen: Evidence) -> list[str]:
    """Everything that is wrong, each with the name of its check."""
    found = []
    for check in CHECKS:
        told = list(check(seen))
        name = check.__name__
        found += [f"{name}: {one}" for one in told[:MANY]]
        if len(told) > MANY:
            found.append(f"{name}: and {len(told) - MANY} more")
    return found


def due_in(schedules: Mapping[str, tuple[int, int]], from_ms: int, to_ms: int) -> frozenset[str]:
    """The ids that `every` schedules (period ms, offset ms) owe in [from_ms, to_ms]."""
    return frozenset(
        f"{id_}@{nominal_ms}"
        for id_, (period_ms, offset_ms) in schedules.items()
        for nominal_ms in range(
            -(-(from_ms - offset_ms) // period_ms) * period_ms + offset_ms, to_ms + 1, period_ms
        )
    )
