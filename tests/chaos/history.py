"""How does one history go? Attack for a while, let it be calm, then look at what was left behind."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

from onebeat.errors import StoreError
from onebeat.ledger import Historian, runs
from onebeat.ledger.tables import LEDGER
from onebeat.wire import Command
from tests.chaos.checks import Evidence, due_in, violations
from tests.chaos.cluster import KEYS, NAMESPACE, SCHEDULES, Cluster
from tests.chaos.load import Load
from tests.chaos.nemesis import FAULTS, LOSSES, Hit, strike, trap
from tests.chaos.tasks import COUNTER, EFFECTS
from tests.worker.running import until

CALM_S = 90.0  # for the next step to be seen: leases of 4 s, retries, a beat that starts
EDGE_MS = 1000  # at both ends of what is judged, so that start and stop are not part of it
FIRST = ("worker killed", "beat killed")  # so that the shortest history hits somebody who held something
MEASURED = ("beat killed", "worker killed", "store killed")
LONG_S = 25.0  # a history in which there is time to leave these alone first
ALONE_MS = 5000  # how long no other fault may be near for a recovery to be measured
APART_S = 7.0  # more than that: a worker's messages go back meanwhile, also on a busy machine
FINDS_WITHIN_S = 10.0  # a victim that holds something


@dataclass
class Report:
    """What one history was: its faults, how long recoveries took (ms), and what is wrong."""

    seed: int
    seconds: float
    faults: Counter[str] = field(default_factory=Counter)
    recovery_ms: dict[str, list[int]] = field(default_factory=dict)
    runs: int = 0
    calls: int = 0
    violations: list[str] = field(default_factory=list)


def play(folder: Path, seed: int, seconds: float, *, losses: bool = False, database: str = "") -> Report:
    """One history in `folder`, on SQLite or an empty `database`; with `losses` the store loses its data."""
    report = Report(seed, seconds)
    with Cluster(folder, database) as cluster:
        try:
            _play(cluster, report, losses=losses)
        except AssertionError as problem:  # waited in vain: that is no progress, whatever it was
            report.violations.append(f"v_progress: {problem}")
        (folder / "events.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in event_log(cluster)))
    return report


def _play(cluster: Cluster, report: Report, *, losses: bool) -> None:
    until(lambda: all(seat.works for seat in cluster.seats), "every process works", CALM_S)
    until(lambda: _count(cluster) > len(SCHEDULES), "runs have effects", CALM_S)
    load = Load(cluster.server.url, NAMESPACE)
    load.start()
    from_ms = _wall_ms() + EDGE_MS
    hits = _attack(cluster, Random(report.seed), report.seconds, losses=losses)
    report.faults = Counter(hit.fault for hit in hits)
    to_ms, statuses = _calm(cluster, load, report)
    seen = _look(cluster, load, hits, (from_ms, to_ms), statuses, losses=losses)
    report.recovery_ms = recoveries(event_log(cluster), hits)
    report.runs, report.calls = len(seen.due), len(seen.acknowledged)
    report.violations += violations(seen)


def _attack(cluster: Cluster, luck: Random, seconds: float, *, losses: bool) -> list[Hit]:
    """Deaths that nothing else is near, when there is time for them; then the first ones, then faults in a
    shuffled order, each once before any comes again, for `seconds`."""
    hits = _one_by_one(cluster, luck) if seconds >= LONG_S else []
    deck = [*(LOSSES if losses else ()), *FIRST]  # taken from its end
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        deck = deck or luck.sample([*FAULTS, *(LOSSES if losses else ())], len(FAULTS) + losses * len(LOSSES))
        fault = deck.pop()
        hit = strike(fault, cluster, luck)
        if hit is not None and fault != "failpoint armed":
            hits.append(hit)
        cluster.revive(lambda role: trap(role, luck) if luck.random() < 0.7 else "")
        time.sleep(luck.choice((0.1, 0.3, 1.0, 2.0)))
    return hits + [_at_failpoint(path) for path in cluster.folder.glob("notes-*/*.fired")]


def _one_by_one(cluster: Cluster, luck: Random) -> list[Hit]:
    """Each death of which the recovery is measured, once: among processes that all work, with no failpoint
    armed, and nothing after it until it is over."""
    hits: list[Hit] = []
    for fault in luck.sample(MEASURED, len(MEASURED)):
        end_s = time.monotonic() + FINDS_WITHIN_S
        while (hit := strike(fault, cluster, luck)) is None and time.monotonic() < end_s:
            time.sleep(0.05)
        time.sleep(APART_S)
        hits += [hit] if hit else []
        cluster.revive()
        until(lambda: all(seat.works for seat in cluster.seats), "every process works again", CALM_S)
    return hits


def _at_failpoint(note: Path) -> Hit:
    at_ms = round(note.stat().st_mtime * 1000)
    return Hit(f"failpoint {note.stem}", at_ms, at_ms, (), holding=True)


def _calm(cluster: Cluster, load: Load, report: Report) -> tuple[int, list[int]]:
    """Stop the faults, wait until everything is done, stop everyone; until when, and how they ended."""
    for seat in cluster.seats:
        seat.proxy.heal()
        cluster.end(seat)  # armed failpoints end with the attack
    cluster.revive()
    until(lambda: all(seat.works for seat in cluster.seats), "every process works", CALM_S)
    time.sleep(2)  # calls and fires go on among processes that all are well
    load.stop()
    to_ms = _wall_ms() - EDGE_MS
    beats, workers = cluster.in_role("beat"), cluster.in_role("worker")
    until(lambda: cluster.leader(), "a beat leads", CALM_S)
    until(lambda: _emitted(cluster, to_ms), "a beat emits up to the end", CALM_S)
    for seat in beats:
        _terminate(seat.pid)
    statuses = [seat.process.wait(CALM_S) for seat in beats if seat.process]
    if not drains(cluster):
        report.violations.append(f"v_the_backlog_drains: for {CALM_S} s nothing left {_depths(cluster)}")
    for seat in workers:
        _terminate(seat.pid)
    statuses += [seat.process.wait(CALM_S) for seat in workers if seat.process]
    return to_ms, statuses


def drains(cluster: Cluster) -> bool:
    """Whether the backlog ends. A busy machine may take its time for that, as long as it gets smaller."""
    least, end_s = 1 << 60, time.monotonic() + CALM_S
    while left := sum((depths := _depths(cluster)).values()):
        if left < least and "unknown" not in depths:
            least, end_s = left, time.monotonic() + CALM_S
        if time.monotonic() > end_s:
            return False
        time.sleep(0.05)
    return True


def _terminate(pid: int) -> None:
    os.kill(pid, 15)


def _look(
    cluster: Cluster,
    load: Load,
    hits: Sequence[Hit],
    stretch_ms: tuple[int, int],
    statuses: Sequence[int],
    *,
    losses: bool,
) -> Evidence:
    Historian(cluster.store, cluster.engine, NAMESPACE).catch_up(["default"])
    with cluster.engine.connect() as connection:
        effects = [(run, kind) for run, kind in connection.execute(select(EFFECTS.c.run, EFFECTS.c.kind))]
        ledger = list(connection.scalars(select(LEDGER.c.message_id)))
        counter = connection.scalar(select(COUNTER.c.value)) or 0
    return Evidence(
        due=due_in(SCHEDULES, *stretch_ms),
        schedules=SCHEDULES,
        emissions=[(line["id"], at_ms) for at_ms, line in event_log(cluster) if line["event"] == "emitted"],
        history=runs(cluster.engine, limit=1_000_000),
        effects=effects,
        ledger=ledger,
        counter=counter,
        acknowledged=list(load.acknowledged),
        unknown=load.unknown,
        depths=_depths(cluster),
        processes=cluster.processes(),
        statuses=statuses,
        hits=len(hits),
        aimed=sum(hit.holding for hit in hits),
        lost_data=losses,
    )


def recoveries(log: Sequence[tuple[int, dict[str, Any]]], hits: Sequence[Hit]) -> dict[str, list[int]]:
    """After the deaths that nothing else was near: how late was the latest fire, until when did a dead
    worker's messages go back, how long after the store was back was all queued that fell due meanwhile; ms.
    """
    found: dict[str, list[int]] = {"beat": [], "worker": [], "store": []}
    for hit in hits:
        gone = [at_ms - hit.wall_ms for at_ms, line in log if _is_recovery(line, hit)]
        near = [other for other in hits if other is not hit and _near(other, hit)]
        if hit.fault == "worker killed" and gone and not near:
            found["worker"].append(max(gone))
        elif hit.fault == "beat killed" and not near:
            late = [_late_ms(at_ms, line) for at_ms, line in log if _due_around(line, hit.wall_ms)]
            found["beat"] += [max(late)] if late else []
        elif hit.fault == "store killed" and not near:
            owed = [at_ms - hit.over_ms for at_ms, line in log if _due_within(line, hit)]
            found["store"] += [max(0, *owed)] if owed else []
    return found


def _is_recovery(line: dict[str, Any], hit: Hit) -> bool:
    return line["event"] == "recovered" and line.get("worker") in hit.victims


def _near(other: Hit, hit: Hit) -> bool:
    return other.wall_ms < hit.over_ms + ALONE_MS and other.over_ms > hit.wall_ms - ALONE_MS


def _due_around(line: dict[str, Any], died_ms: int) -> bool:
    return line["event"] == "emitted" and died_ms - 500 <= int(line["id"].rpartition("@")[2]) < died_ms + 2000


def _due_within(line: dict[str, Any], hit: Hit) -> bool:
    return line["event"] == "emitted" and hit.wall_ms <= int(line["id"].rpartition("@")[2]) < hit.over_ms


def _late_ms(at_ms: int, line: dict[str, Any]) -> int:
    return at_ms - int(line["id"].rpartition("@")[2])


def event_log(cluster: Cluster) -> list[tuple[int, dict[str, Any]]]:
    """Redis ms and event, in order."""
    entries = cluster.store.perform(Command(("XRANGE", KEYS.log, "-", "+")))
    return [
        (int(entry_id.split(b"-")[0]), json.loads(line))
        for entry_id, fields in entries
        for line in bytes(fields[1] if isinstance(fields, list) else fields[b"e"]).splitlines()
    ]


def _depths(cluster: Cluster) -> dict[str, int]:
    """What the queue holds, by name; the letters that died are at their end."""
    perform = cluster.store.perform
    try:
        wids = perform(Command(("ZRANGE", KEYS.lease, 0, -1)))
        held = sum(max(0, perform(Command(("HLEN", KEYS.own(wid.decode())))) - 1) for wid in wids)
        ready = sum(perform(Command(("LLEN", key))) for key in KEYS.ready)
        return {"ready": ready, "held": held, "delayed": perform(Command(("ZCARD", KEYS.due)))}
    except StoreError:
        return {"unknown": 1}


def _emitted(cluster: Cluster, to_ms: int) -> bool:
    """Whether the cursors of all schedules are beyond `to_ms`."""
    cursors = cluster.store.perform(Command(("HVALS", KEYS.sched)))
    return len(cursors) == len(SCHEDULES) and all(int(one) >= to_ms for one in cursors)


def _count(cluster: Cluster) -> int:
    with cluster.engine.connect() as connection:
        return len(connection.execute(select(EFFECTS.c.id)).all())


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
