"""What goes wrong with the store, the network and the database? See `process_faults` for the answers."""

from __future__ import annotations

import time
from random import Random

from sqlalchemy import text

from onebeat.testing import Ending, Way
from tests.chaos.cluster import Cluster


def store_killed(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """SIGKILL to the store; it comes back with its data."""
    cluster.server.kill()
    time.sleep(luck.uniform(0, 1))
    cluster.server.start()
    return ()


def clients_killed(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """A storm of CLIENT KILL."""
    with cluster.server.redis() as admin:
        for _ in range(5):
            admin.client_kill_filter(_type="normal", skipme=True)
            time.sleep(0.02)
    return ()


def scripts_flushed(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """SCRIPT FLUSH."""
    with cluster.server.redis() as admin:
        admin.script_flush()
    return ()


def store_slow(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """DEBUG SLEEP: the store answers nobody for a while."""
    with cluster.server.redis(deadline_s=30) as admin:
        admin.execute_command("DEBUG", "SLEEP", round(luck.uniform(0.3, 1.8), 2))
    return ()


def store_full(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """OOM for everything that writes."""
    with cluster.server.redis() as admin:
        admin.config_set("maxmemory", "1")
        time.sleep(luck.uniform(0.3, 1.5))
        admin.config_set("maxmemory", "0")
    return ()


def store_flushed(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """FLUSHALL: everything that only Redis knew is gone."""
    with cluster.server.redis() as admin:
        admin.flushall()
    return ()


def network_cut(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """Everybody's connections end in their own way, at once."""
    return () if sum(seat.proxy.end(luck.choice(list(Ending))) for seat in cluster.seats) else None


def network_silent(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """The leader, or a worker, is cut off for a while: a black hole, a door that is shut, a stall."""
    seat = cluster.leader() if luck.random() < 0.5 else luck.choice(cluster.in_role("worker") or [None])
    if seat is None:
        return None
    proxy = seat.proxy
    how = luck.choice(("hole", "door", Way.CALLS, Way.REPLIES))
    if how == "hole":
        proxy.black_hole()
    elif how == "door":
        proxy.refuse()
        proxy.end()
    else:
        proxy.stall(Way(how))
    time.sleep(luck.uniform(0.5, 2.5))
    proxy.heal()
    proxy.end()
    return ()


def replies_lost(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """Every tenth reply is lost, for everybody, after its call was carried out."""
    before = sum(seat.proxy.lost for seat in cluster.seats)
    for seat in cluster.seats:
        seat.proxy.lose_replies(lambda call: call % 10 == 0)
    time.sleep(luck.uniform(0.5, 1.5))
    for seat in cluster.seats:
        seat.proxy.heal()
    return () if sum(seat.proxy.lost for seat in cluster.seats) > before else None


def database_locked(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """Somebody else has SQLite's only write lock, or PostgreSQL's lock of the ledger."""
    lock = "SELECT 1" if _is_sqlite(cluster) else "LOCK TABLE onebeat_ledger IN ACCESS EXCLUSIVE MODE"
    with cluster.engine.connect() as connection:  # SQLite's begins with the lock
        connection.execute(text(lock))
        time.sleep(luck.uniform(0.2, 1.5))
        connection.rollback()
    return ()


def database_clients_killed(cluster: Cluster, luck: Random) -> tuple[str, ...] | None:
    """Every connection to PostgreSQL is ended by its server, also those that wait for their COMMIT."""
    if _is_sqlite(cluster):
        return None
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with cluster.engine.connect() as connection:
        ended = sum(
            len(connection.execute(text(f"SELECT pg_terminate_backend(pid) {others}")).all())
            for _ in range(3)
        )
        connection.rollback()
    return () if ended else None


def _is_sqlite(cluster: Cluster) -> bool:
    return cluster.engine.dialect.name == "sqlite"
