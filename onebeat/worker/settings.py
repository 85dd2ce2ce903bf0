"""What must a worker process know to start? A value that travels as JSON."""

from __future__ import annotations

import msgspec

from onebeat.queue.liveness import LEASE_MS

SETTINGS = "ONEBEAT_WORKER_SETTINGS"
WID = "ONEBEAT_WORKER_ID"


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`lease_ms` bounds how long a dead worker's messages wait; `grace_s` how long a stop may take.

    A process that ran `max_tasks`, or takes more than `max_memory_mib`, is replaced; 0 is no limit.
    """

    redis_url: str
    database_url: str
    namespace: str = "onebeat"
    queues: tuple[str, ...] = ("default",)
    imports: tuple[str, ...] = ()
    concurrency: int = 8
    processes: int = 1
    lease_ms: int = LEASE_MS
    grace_s: float = 25.0
    max_tasks: int = 0
    max_memory_mib: int = 0
    retention_s: float = 7 * 86_400.0  # how long the ledger remembers an effect

    def to_json(self) -> str:
        """For a child's environment; never for a log, it holds the URLs' passwords."""
        return msgspec.json.encode(self).decode()

    def __repr__(self) -> str:
        return f"WorkerSettings(namespace={self.namespace!r}, queues={self.queues!r})"


def from_json(text: str) -> WorkerSettings:
    """The settings that `to_json` wrote."""
    return msgspec.json.decode(text, type=WorkerSettings)
