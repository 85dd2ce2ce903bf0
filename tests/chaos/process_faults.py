"""What goes wrong with processes? Each fault is aimed at who holds something.

A fault answers the worker incarnations that died of it, or None when it found no victim.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from random import Random

from tests.chaos.cluster import Cluster

LEASE_S, LEADER_S = 4.0, 1.5


def beat_killed(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """SIGKILL to the leader."""
    seat = cluster.leader()
    if seat is None:
        return None
    cluster.end(seat)
    return ()


def beat_stopped(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """The leader sleeps for more than its lease, then goes on where it was."""
    seat = cluster.leader()
    if seat is None:
        return None
    cluster.signal(seat, signal.SIGSTOP)
    time.sleep(LEADER_S * luck.uniform(1.2, 2.0))
    cluster.signal(seat, signal.SIGCONT)
    return ()


def beat_told(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """TERM to the leader."""
    seat = cluster.leader()
    if seat is None:
        return None
    os.kill(seat.pid, signal.SIGTERM)
    return ()


def worker_killed(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """SIGKILL to a worker that holds messages, with all its processes."""
    for seat, wid, _ in cluster.busy():
        cluster.end(seat)
        return (wid,)
    return None


def child_killed(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """SIGKILL to one process of a worker; its supervisor lives."""
    for seat, _, _ in cluster.busy():
        for child in cluster.children(seat):
            os.kill(child, signal.SIGKILL)
            return ()
    return None


def worker_stopped(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """A worker with messages sleeps for more than its lease, and wakes among those who took over."""
    for seat, _, _ in cluster.busy():
        cluster.signal(seat, signal.SIGSTOP)
        time.sleep(LEASE_S * luck.uniform(1.1, 1.4))
        cluster.signal(seat, signal.SIGCONT)
        return ()
    return None


def worker_told(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """TERM to a worker that holds messages."""
    for seat, _, _ in cluster.busy():
        os.kill(seat.pid, signal.SIGTERM)
        return ()
    return None


def lock_killed(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """SIGKILL to whoever holds the lock of the counter."""
    end_s = time.monotonic() + 3
    while time.monotonic() < end_s:
        holder = cluster.lock_holder()
        if holder is not None and holder.pid:
            with suppress(ProcessLookupError):
                os.kill(holder.pid, signal.SIGKILL)
                return ()
        time.sleep(0.005)
    return None


def lock_stopped(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """Whoever holds the lock sleeps beyond the lock's lease (2 s); its supervisor renews its messages."""
    end_s = time.monotonic() + 3
    while time.monotonic() < end_s:
        holder = cluster.lock_holder()
        if holder is not None and holder.pid:
            with suppress(ProcessLookupError):
                os.kill(holder.pid, signal.SIGSTOP)
                time.sleep(luck.uniform(2.2, 3.0))
                os.kill(holder.pid, signal.SIGCONT)
                return ()
        time.sleep(0.005)
    return None
