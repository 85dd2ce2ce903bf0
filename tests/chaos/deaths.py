"""What is lost, and what happens twice, while workers die and sleep? `python -m tests.chaos.deaths`.

Four workers, calls all the while, and a table: SIGKILL to a worker with everything it started, SIGSTOP to one
for longer than its lease. Each call writes a row without a unique key, in the transaction of its run. A
recovery is the time from the signal until what the worker held has begun elsewhere. Exits with 1 when a call
was lost or had its effect twice.
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

from sqlalchemy import select

from tests.chaos.cluster import NAMESPACE, Cluster, Seat
from tests.chaos.history import CALM_S, drains, event_log
from tests.chaos.load import Load
from tests.chaos.process_faults import LEASE_S
from tests.chaos.tasks import EFFECTS
from tests.chaos.totals import spread
from tests.worker.running import until

WORKERS = 4
CALL_EVERY_S = 0.1  # twice what a run takes, for on SQLite one writes at a time
AIM_S = 1.0  # how long a signal waits for somebody who holds a message
RECOVERY_MS = 5_000  # the target


@dataclass
class Strike:
    """A signal that a worker got. `wids`: its incarnations that held messages then."""

    kind: str
    wall_ms: int
    wids: tuple[str, ...]


@dataclass
class Deaths:
    """What became of `calls` (ids that were acknowledged). `effects`: the ids of all rows."""

    calls: Sequence[str] = ()
    effects: Counter[str] = field(default_factory=Counter)
    strikes: list[Strike] = field(default_factory=list)
    recovery_ms: list[int] = field(default_factory=list)
    drained: bool = False

    @property
    def lost(self) -> list[str]:
        return [id_ for id_ in self.calls if not self.effects[id_]]

    @property
    def doubled(self) -> list[str]:
        return [id_ for id_, count in self.effects.items() if count > 1]

    def table(self) -> str:
        """For people."""
        kinds = Counter(strike.kind for strike in self.strikes)
        holding = sum(bool(strike.wids) for strike in self.strikes)
        took = spread(self.recovery_ms)
        rows = [("calls that were acknowledged", len(self.calls)), *sorted(kinds.items())]
        rows += [("signals to who held messages", holding), ("lost", len(self.lost))]
        rows += [("effects twice", len(self.doubled)), ("recoveries", took["count"])]
        rows += [(f"recovery {name}, ms", took[name]) for name in ("p50", "p99", "max")]
        return "\n".join(f"{name:<40}{count:>8}" for name, count in [*rows, ("target of p99", RECOVERY_MS)])


def play(folder: Path, seed: int, seconds: float, kills: int, stops: int) -> Deaths:
    """One storm in `folder`."""
    made = Deaths()
    with Cluster(folder, beats=0, workers=WORKERS) as cluster:
        until(lambda: all(seat.works for seat in cluster.seats), "every process works", CALM_S)
        load = Load(cluster.server.url, NAMESPACE, "tests.chaos.tasks:worked", CALL_EVERY_S)
        load.start()
        made.strikes = _storm(cluster, Random(seed), seconds, ["SIGKILL"] * kills + ["SIGSTOP"] * stops)
        load.stop()
        made.drained, made.calls = drains(cluster), load.acknowledged
        made.recovery_ms = _recoveries(cluster, made.strikes)
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
        wids = tuple(wid for other, wid, _ in cluster.busy() if other is seat)
        strikes.append(Strike(kind, time.time_ns() // 1_000_000, wids))
        if kind == "SIGKILL":
            cluster.end(seat)
            cluster.start(seat)
        else:
            cluster.signal(seat, signal.SIGSTOP)
            asleep[seat.number] = time.monotonic() + LEASE_S * luck.uniform(1.1, 1.4)
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


def _recoveries(cluster: Cluster, strikes: Sequence[Strike]) -> list[int]:
    """How long each of the messages that were held then had to wait, ms."""
    struck = {wid: strike.wall_ms for strike in reversed(strikes) for wid in strike.wids}
    back: dict[str, int] = {}  # id → when its worker was struck
    found: list[int] = []
    for at_ms, line in event_log(cluster):
        if line["event"] == "recovered" and line.get("worker") in struck:
            back[line["id"]] = struck[line["worker"]]
        elif line["event"] == "claimed" and line["id"] in back:
            found.append(at_ms - back.pop(line["id"]))
    return found


def main(arguments: Sequence[str]) -> int:
    """Play one storm and print the table; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--stops", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="onebeat-deaths-") as folder:
        made = play(Path(folder), told.seed, told.seconds, told.kills, told.stops)
    print(made.table())
    return 1 if made.lost or made.doubled or not made.drained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
