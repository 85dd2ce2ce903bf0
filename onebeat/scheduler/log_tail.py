"""Which were a schedule's last runs, where there is no history? What the end of the event log says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onebeat.keys import QueueKeys
from onebeat.ledger.fold import Run, applied, born
from onebeat.ledger.log import FIELD, lines_of, parse_id
from onebeat.wire import Command, Protocol, insist

ENTRIES = 1_000  # of the log that are read; each may hold the events of many schedules


def recent(
    keys: QueueKeys, schedule: str, namespace: str, number: int, *, within_s: float
) -> Protocol[list[Run]]:
    """At most `number` runs, the newest (by nominal time) first."""
    end = Command(("XREVRANGE", keys.log, "+", "-", "COUNT", ENTRIES))
    entries = yield from insist(end, within_s=within_s)
    packed = [(parse_id(at.decode()), _packed(fields)) for at, fields in reversed(entries or ())]
    runs: dict[str, Run] = {}
    for line in lines_of(packed)[0]:
        if line.id.startswith(f"{schedule}@"):
            known = runs.get(line.id) or born(line, namespace, keys.queue)
            runs[line.id] = applied(known, line)
    return sorted(runs.values(), key=lambda run: run.at_ms, reverse=True)[:number]


def _packed(fields: Any) -> bytes:
    named = fields if isinstance(fields, Mapping) else dict(zip(fields[::2], fields[1::2], strict=True))
    packed: bytes = named.get(FIELD, b"")
    return packed
