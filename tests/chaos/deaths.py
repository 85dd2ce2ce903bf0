"""What is lost, and what happens twice, while workers die and sleep? `python -m tests.chaos.deaths`.

Four workers, calls all the while, and a table: SIGKILL to a worker with everything it started, SIGSTOP to one
for longer than its lease. Each call writes a row without a unique key, in the transaction of its run. A
recovery is the time from the signal until what the worker held was claimed elsewhere, in three parts: until
the lease of the worker ended, which it had renewed shortly before; from there until its messages were back in
the queue, which is what the workers that live take to notice; and from there until one of them had a free
slot, which is the load. SQLite lets one transaction write at a time, and a worker that is stopped in the
middle of one holds up all the others; `--postgres` shows the same without that. Exits with 1 when a
call was lost or had its effect twice.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import make_url, select

from tests.chaos.__main__ import database
from tests.chaos.cluster import NAMESPACE, Cluster, Seat
from tests.chaos.history import CALM_S, drains, event_log
from tests.chaos.load import Load
from tests.chaos.process_faults import LEASE_S
from tests.chaos.tasks import EFFECTS
from tests.chaos.totals import spread
from tests.worker.running import until

WORKERS = 4
CALL_EVERY_S = 0.1  # twice what a run takes, for on SQLite one writes at a time
SENT_S = 0.02  # what was on its way when the signal came has arrived after this
AIM_S = 1.0  # how long a signal waits for somebody who holds a message
RECOVERY_MS = 5_000  # the target


@dataclass
class Strike:
    """A signal that a worker got, and until when the leases of its incarnations go, Redis ms."""

    kind: str
    wall_ms: int
    holding: bool
    ends_ms: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What one message waited for after its worker was struck, ms each; `seen_ms` is negative when somebody
    saw the death before the lease ended."""

    lease_ms: int
    seen_ms: int
    taken_ms: int

    @property
    def all_ms(self) -> int:
        return self.lease_ms + self.seen_ms + self.taken_ms


@dataclass
class Deaths:
    """What became of `calls` (ids that were acknowledged). `effects`: the ids of all rows. `buried`: the ids
    that are dead letters, because so many workers died that held them."""

    calls: Sequence[str] = ()
    buried: set[str] = field(default_factory=set)
    effects: Counter[str] = field(default_factory=Counter)
    strikes: list[Strike] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    drained: bool = False

    @property
    def lost(self) -> list[str]:
        return [id_ for id_ in self.calls if not self.effects[id_] and id_ not in self.buried]

    @property
    def doubled(self) -> list[str]:
        return [id_ for id_, count in self.effects.items() if count > 1]

    def table(self) -> str:
        """For people."""
        kinds = Counter(strike.kind for strike in self.strikes)
        rows = [("calls that were acknowledged", len(self.calls)), *sorted(kinds.items())]
        rows += [("signals to who held messages", sum(strike.holding for strike in self.strikes))]
        rows += [("lost", len(self.lost)), ("effects twice", len(self.doubled))]
        rows += [("dead letters, of too many deaths", len(self.buried))]
        lines = [f"{name:<40}{count:>8}" for name, count in [*rows, ("recoveries", len(self.recoveries))]]
        lines.append(f"{'ms':<40}{'p50':>8}{'p99':>8}{'max':>8}")
        for name, times_ms in self._parts().items():
            took = spread(times_ms)
            lines.append(f"{name:<40}{took['p50']:>8}{took['p99']:>8}{took['max']:>8}")
        return "\n".join([*lines, f"{'target of p99':<40}{RECOVERY_MS:>16}"])

    def _parts(self) -> dict[str, list[int]]:
        return {
            "signal → the lease ends": [one.lease_ms for one in self.recoveries],
            "the lease ends → back in the queue": [one.seen_ms for one in self.recoveries],
            "back in the queue → claimed": [one.taken_ms for one in self.recoveries],
            "recovery": [one.all_ms for one in self.recoveries],
        }


def play(folder: Path, seed: int, seconds: float, kills: int, stops: int, database: str = "") -> Deaths:
    """One storm in `folder`, on SQLite or an empty `database`."""
    made = Deaths()
    with Cluster(folder, database, beats=0, workers=WORKERS) as cluster:
        until(lambda: all(seat.works for seat in cluster.seats), "every process works", CALM_S)
        load = Load(cluster.server.url, NAMESPACE, "tests.chaos.tasks:worked", CALL_EVERY_S)
        load.start()
        made.strikes = _storm(cluster, Random(seed), seconds, ["SIGKILL"] * kills + ["SIGSTOP"] * stops)
        load.stop()
        made.drained, made.calls = drains(cluster), load.acknowledged
        log = event_log(cluster)
        made.recoveries = recoveries(log, made.strikes)
        made.buried = {line["id"] for _, line in log if line.get("reason") == "deliveries"}
        for seat in cluster.in_role("worker"):
            os.kill(seat.pid, signal.SIGTERM)
        until(lambda: not cluster.in_role("worker"), "the workers end", CALM_S)
        with cluster.engine.connect() as connection:
            made.effects = Counter(connection.scalars(select(EFFECTS.c.run)))
    return made


def _storm(cluster: Cluster, luck: Random, seconds: float, kinds: list[str]) -> list[Strike]:
    """The signals in any order, evenly over the time; who is killed is replaced at once."""
    luck.shuffle(kinds)
    strikes: list[Strike] = []
    asleep: dict[int, float] = {}  # the number of a seat → when it goes on
    began_s = time.monotonic()
    for number, kind in enumerate(kinds):
        while time.monotonic() < began_s + (number + luck.random()) * seconds / len(kinds):
            _wake(cluster, asleep)
            time.sleep(0.01)
        seat = _victim(cluster, asleep, luck)
        holding = any(other is seat for other, *_ in cluster.busy())
        strike = Strike(kind, time.time_ns() // 1_000_000, holding)
        if kind == "SIGKILL":
            cluster.end(seat)
        else:
            cluster.signal(seat, signal.SIGSTOP)
            asleep[seat.number] = time.monotonic() + LEASE_S * luck.uniform(1.1, 1.4)
        time.sleep(SENT_S)
        strike.ends_ms = cluster.leases(seat)
        strikes.append(strike)
        if kind == "SIGKILL":
            cluster.start(seat)
    while asleep:
        _wake(cluster, asleep)
        time.sleep(0.01)
    return strikes


def _victim(cluster: Cluster, asleep: dict[int, float], luck: Random) -> Seat:
    """A worker that holds something, where one soon does."""

    def awake() -> list[Seat]:
        _wake(cluster, asleep)
        return [seat for seat in cluster.seats if seat.works and seat.number not in asleep]

    end_s = time.monotonic() + AIM_S
    while time.monotonic() < end_s:
        holding = {seat.number for seat, _, _ in cluster.busy()}
        if found := [seat for seat in awake() if seat.number in holding]:
            return luck.choice(found)
    return luck.choice(until(awake, "a worker that has started", CALM_S))


def _wake(cluster: Cluster, asleep: dict[int, float]) -> None:
    for number in [one for one, until_s in asleep.items() if time.monotonic() >= until_s]:
        cluster.signal(cluster.seats[number], signal.SIGCONT)
        del asleep[number]


def recoveries(log: Sequence[tuple[int, dict[str, Any]]], strikes: Sequence[Strike]) -> list[Recovery]:
    """What each of the messages waited for that were held when their worker was struck. Pure.

    Who was stopped and woke in time can be struck again: what it held then counts from the later signal. What
    is struck again where it went counts from there.
    """
    back: dict[str, tuple[int, int, int]] = {}  # id → the signal, the end of the lease, back in the queue
    found: list[Recovery] = []
    for at_ms, line in log:
        if line["event"] == "recovered":
            struck = [one for one in strikes if line["worker"] in one.ends_ms and one.wall_ms <= at_ms]
            if struck:
                back[line["id"]] = (struck[-1].wall_ms, struck[-1].ends_ms[line["worker"]], at_ms)
        elif line["event"] == "claimed" and line["id"] in back:
            signal_ms, end_ms, back_ms = back.pop(line["id"])
            found.append(Recovery(end_ms - signal_ms, back_ms - end_ms, at_ms - back_ms))
    return found


def main(arguments: Sequence[str]) -> int:
    """Play one storm and print the table; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--stops", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, if it is on this machine")
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="onebeat-deaths-") as folder, database(told.postgres) as url:
        made = play(Path(folder), told.seed, told.seconds, told.kills, told.stops, url)
        print(f"on {make_url(url or 'sqlite://').get_backend_name()}, seed {told.seed}")
    print(made.table())
    return 1 if made.lost or made.doubled or not made.drained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
