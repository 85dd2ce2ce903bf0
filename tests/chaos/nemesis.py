"""What goes wrong? A table of faults, each aimed at who holds something; and when they were hit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from onebeat.errors import StoreError
from tests.chaos import place_faults, process_faults
from tests.chaos.cluster import Cluster

POINTS = {
    "beat": ("beat.led", "beat.adopted", "beat.enrolled", "emit.planned", "emit.sent"),
    "worker": (
        *("child.started", "cycle.ready", "cycle.answered", "run.claimed", "run.prepared", "run.held"),
        *("run.ended", "ledger.begun", "ledger.registered", "ledger.claimed", "ledger.handled"),
        *("ledger.confirmed", "ledger.committed", "lock.ready", "lock.granted", "lock.releasing"),
        *("lock.released", "supervisor.joined", "supervisor.started", "supervisor.bereft"),
        *("liveness.renewed", "liveness.recovering", "history.read", "history.written", "history.committed"),
    ),
}


@dataclass(frozen=True, slots=True)
class Hit:
    """A fault that found its victim. `victims`: the worker incarnations that died of it."""

    fault: str
    wall_ms: int
    over_ms: int
    victims: tuple[str, ...] = ()
    holding: bool = False  # it held a lease, messages, a lock, or was in the middle of a step


Fault = Callable[[Cluster, Random], tuple[str, ...] | None]


def trap(role: str, luck: Random) -> str:
    """A failpoint to arm in the next process that takes this role."""
    action = luck.choice(("kill", "kill", "exit", "raise", f"sleep={luck.uniform(0.5, 5):.1f}"))
    return f"{luck.choice(POINTS[role])}:{action}:{luck.randint(1, 3)}"


def failpoint(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """A process is started that dies, fails or sleeps at a named point; it counts when it does."""
    role = luck.choice(("beat", "worker", "worker"))
    seats = cluster.in_role(role)
    if not seats:
        return None
    seat = luck.choice(seats)
    cluster.end(seat)
    cluster.start(seat, trap(role, luck))
    return ()


# fault → what it is, and whether it was aimed at who holds something
FAULTS: dict[str, tuple[Fault, bool]] = {
    "beat killed": (process_faults.beat_killed, True),
    "beat stopped": (process_faults.beat_stopped, True),
    "beat told to stop": (process_faults.beat_told, True),
    "worker killed": (process_faults.worker_killed, True),
    "worker process killed": (process_faults.child_killed, True),
    "worker stopped": (process_faults.worker_stopped, True),
    "worker told to stop": (process_faults.worker_told, True),
    "lock holder killed": (process_faults.lock_killed, True),
    "lock holder stopped": (process_faults.lock_stopped, True),
    "store killed": (place_faults.store_killed, False),
    "clients killed": (place_faults.clients_killed, False),
    "scripts flushed": (place_faults.scripts_flushed, False),
    "store slow": (place_faults.store_slow, False),
    "store full": (place_faults.store_full, False),
    "network cut": (place_faults.network_cut, False),
    "network silent": (place_faults.network_silent, False),
    "replies lost": (place_faults.replies_lost, False),
    "database locked": (place_faults.database_locked, False),
    "database clients killed": (place_faults.database_clients_killed, False),
    "failpoint armed": (failpoint, False),
}
LOSSES: dict[str, tuple[Fault, bool]] = {"store flushed": (place_faults.store_flushed, False)}


def strike(name: str, cluster: Cluster, luck: Random) -> Hit | None:
    """One fault; None when it found no victim."""
    fault, aimed = {**FAULTS, **LOSSES}[name]
    before_ms = time.time_ns() // 1_000_000
    try:
        victims = fault(cluster, luck)
    except StoreError:  # the nemesis itself was in the way of another fault
        return None
    after_ms = time.time_ns() // 1_000_000
    return None if victims is None else Hit(name, before_ms, after_ms, victims, aimed)
