"""Can this server keep what onebeat promises?

The promises hold for a server that keeps its data (`docs/guarantees.md`). What can be read from
`INFO` is; only `save` needs `CONFIG`, which many hosted servers and narrow ACLs refuse, and then the
answer is "unknown", never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from onebeat.errors import StoreError
from onebeat.wire.steps import Command, Protocol

if TYPE_CHECKING:
    from onebeat.wire.store import Store

MINIMUM = {"redis": (6, 2), "valkey": (7, 2)}
_FORBIDDEN = re.compile(r"NOPERM|unknown command", re.IGNORECASE)


class Severity(StrEnum):
    """What start-up does about a problem."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding; `name` is stable and is what an override names."""

    name: str
    severity: Severity
    text: str
    mend: str


@dataclass(frozen=True, slots=True)
class Health:
    """What a server says of itself; None where it does not let us look."""

    engine: str | None
    version: str | None
    role: str | None
    maxmemory_policy: str | None
    aof: bool | None
    rdb: bool | None
    mode: str | None = None  # standalone or cluster
    replicas: int | None = None  # connected now

    @property
    def words(self) -> str:
        """What was found, for people: `standalone, AOF, noeviction, 1 replica`."""
        kept = None if self.aof is None else "AOF" if self.aof else "RDB" if self.rdb else "no AOF"
        following = None
        if self.replicas is not None:
            following = f"{self.replicas or 'no'} replica{'' if self.replicas == 1 else 's'}"
        return ", ".join(filter(None, (self.mode, kept, self.maxmemory_policy, following)))

    @property
    def problems(self) -> list[Problem]:
        """What stands against this server, the gravest first."""
        return findings(self)


def version_of(text: str) -> tuple[int, ...]:
    """The numbers in front: `7.2.4-rc1` → (7, 2, 4)."""
    found = re.match(r"\d+(?:\.\d+)*", text, re.ASCII)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def too_old(engine: str, version: tuple[int, ...]) -> bool:
    """Whether the version is known and below the oldest that is supported of this engine."""
    return bool(version) and version < MINIMUM.get(engine, MINIMUM["redis"])


_REPLICA = Problem(
    "replica",
    Severity.REFUSE,
    "this server is a replica and refuses writes",
    "connect to the master; with Sentinel ask it for the master's address",
)
_NOTHING_KEPT = Problem(
    "no-persistence",
    Severity.REFUSE,
    "the server keeps nothing on disk: neither AOF nor RDB is on, so a restart loses every queue",
    "set 'appendonly yes'",
)
_SNAPSHOTS_ONLY = Problem(
    "rdb-only",
    Severity.WARN,
    "AOF is off: a killed server loses what was queued since its last snapshot",
    "set 'appendonly yes'",
)
_UNKNOWN_DISK = Problem(
    "unknown-persistence",
    Severity.WARN,
    "AOF is off or hidden, and the server does not say whether it takes RDB snapshots",
    "set 'appendonly yes', or allow this user INFO and CONFIG GET",
)
_HIDDEN = Problem(
    "unknown-server",
    Severity.WARN,
    "the server does not say what it is, so version, role and eviction could not be checked",
    "allow this user INFO",
)


def findings(health: Health) -> list[Problem]:
    """The problems of a server that says this of itself, refusals first."""
    found: list[Problem] = []
    if health.role == "slave":
        found.append(_REPLICA)
    if health.engine and health.version and too_old(health.engine, version_of(health.version)):
        redis, valkey = (".".join(map(str, MINIMUM[name])) for name in ("redis", "valkey"))
        text = f"{health.engine} {health.version} is too old"
        found.append(
            Problem("old-server", Severity.REFUSE, text, f"use Redis >= {redis} or Valkey >= {valkey}")
        )
    if health.maxmemory_policy not in (None, "noeviction"):
        text = (
            f"maxmemory-policy is {health.maxmemory_policy}: a full server deletes queues and locks silently"
        )
        found.append(Problem("eviction", Severity.REFUSE, text, "set 'maxmemory-policy noeviction'"))
    if not health.aof:
        found.extend(_disk(health.aof, health.rdb))
    if health.engine is None:
        found.append(_HIDDEN)
    return sorted(found, key=lambda problem: problem.severity is not Severity.REFUSE)


def _disk(aof: bool | None, rdb: bool | None) -> list[Problem]:
    if rdb is None or (aof is None and not rdb):
        return [_UNKNOWN_DISK]
    if rdb:
        return [_SNAPSHOTS_ONLY]
    return [_NOTHING_KEPT]


def examine() -> Protocol[Health]:
    """Ask the server about itself.

    Raises:
        StoreError: it does not answer, or refuses us altogether.
    """
    said = _info((yield from _allowed(Command(("INFO",)))))
    settings = yield from _allowed(Command(("CONFIG", "GET", "save")))
    aof = said.get("aof_enabled")
    engine = None
    if "redis_version" in said:
        engine = said.get("server_name") or "redis"
    return Health(
        engine=engine,
        version=said.get(f"{engine}_version", said.get("redis_version")),
        role=said.get("role"),
        maxmemory_policy=said.get("maxmemory_policy"),
        aof=None if aof is None else aof == "1",
        rdb=_saves(settings),
        mode=said.get(f"{engine}_mode", said.get("redis_mode")),
        replicas=int(said["connected_slaves"]) if said.get("connected_slaves", "").isdecimal() else None,
    )


def inspect(store: Store) -> Health:
    """`examine` performed by a blocking store."""
    return store.run(examine())


def _allowed(command: Command) -> Protocol[Any]:
    """The answer, or None when the server does not let this user ask."""
    try:
        answer = yield command
    except StoreError as problem:
        if not _FORBIDDEN.search(str(problem)):
            raise
        return None
    return answer


def _info(answer: Any) -> dict[str, str]:
    """INFO as text values, whether the client library has already parsed it or not."""
    if answer is None:
        return {}
    if isinstance(answer, dict):
        return {_text(name): _text(value) for name, value in answer.items()}
    lines = (line.partition(":") for line in _text(answer).splitlines() if not line.startswith("#"))
    return {name: value for name, colon, value in lines if colon}


def _saves(answer: Any) -> bool | None:
    if not answer:
        return None
    if isinstance(answer, dict):
        return bool(next(iter(answer.values())))
    return bool(answer[1])


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
