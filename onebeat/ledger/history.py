"""How does the event log become the history, once, however many write it and whoever is killed?

The position in the log moves by compare-and-set in the same SQL transaction as the rows: of two
historians with the same entries one commits and the other starts from where the first arrived.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from onebeat.failpoints import reach
from onebeat.keys import queue_keys
from onebeat.ledger.batch import move, stored_position, write_cursors, write_runs
from onebeat.ledger.engine import READ_ONLY
from onebeat.ledger.log import (
    FIELD,
    Extent,
    Position,
    StreamEntry,
    begin,
    chunks,
    lines_of,
    parse_id,
    reconciled,
    spell_id,
)
from onebeat.ledger.tables import one_at_a_time
from onebeat.wire import Command

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from onebeat.wire import Protocol, Store

BATCH = 500  # stream entries read at once
_LOG = logging.getLogger(__name__)


class Historian:
    """Writes the history of one namespace. Any number may run at once."""

    def __init__(self, store: Store, engine: Engine, namespace: str) -> None:
        self._store = store
        self._engine = engine
        self._namespace = namespace

    def catch_up(self, queues: Iterable[str]) -> int:
        """Takes the events since the last call into the history; returns how many this historian did.

        Raises:
            StoreError: the store did not answer; everything up to there is kept, call again.
            SQLAlchemyError: likewise for the database.
        """
        return sum(self._catch_up(queue) for queue in queues)

    def _catch_up(self, queue: str) -> int:
        stream = queue_keys(self._namespace, queue).log
        position = self._position(stream)
        done = 0
        while position is not None:
            read = self._store.run(_read(stream, position))
            if not read:
                break
            reach("history.read")
            for part in chunks(read):
                following = position.after(part)
                count = self._write(queue, stream, position, following, part)
                if count is None:  # another historian was faster
                    position = self._position(stream)
                    break
                position = following
                done += count
        return done

    def _position(self, stream: str) -> Position | None:
        """Where to read on; None when there is no such stream."""
        with self._engine.connect() as connection:
            stored = stored_position(connection.execution_options(**READ_ONLY), stream)
        # The extent must be the younger of the two: an older one would make the position look too far ahead.
        extent = self._store.run(_measure(stream))
        if extent is None:
            return None
        wanted = begin(extent) if stored is None else reconciled(stored, extent)
        if wanted != stored:
            with self._engine.begin() as connection:
                if not move(connection, stream, stored, wanted):
                    wanted = stored_position(connection, stream) or wanted
                elif stored is not None:
                    _LOG.warning(
                        "the event log %s lost %d entries before they were read and began anew %d times",
                        stream,
                        wanted.lost - stored.lost,
                        wanted.resets - stored.resets,
                    )
        return wanted

    def _write(
        self, queue: str, stream: str, before: Position, after: Position, part: Sequence[StreamEntry]
    ) -> int | None:
        lines, unreadable = lines_of(part)
        if unreadable:
            _LOG.warning("%d lines of the event log %s are not events", unreadable, stream)
        with self._engine.begin() as connection:
            one_at_a_time(connection, f"onebeat:history:{self._namespace}")
            if not move(connection, stream, before, after):
                return None
            write_runs(connection, self._namespace, queue, lines)
            write_cursors(connection, self._namespace, queue, lines)
            reach("history.written")
        reach("history.committed")
        return len(lines)


def _measure(stream: str) -> Protocol[Extent | None]:
    if not (yield Command(("EXISTS", stream))):
        return None
    flat = yield Command(("XINFO", "STREAM", stream))
    facts = flat if isinstance(flat, Mapping) else dict(zip(flat[::2], flat[1::2], strict=True))
    first = facts[b"first-entry"]
    return Extent(
        first=parse_id(first[0].decode()) if first else None,
        last=parse_id(facts[b"last-generated-id"].decode()),
        length=facts[b"length"],
        added=facts.get(b"entries-added"),
    )


def _read(stream: str, position: Position) -> Protocol[list[StreamEntry]]:
    answer = yield Command(("XRANGE", stream, f"({spell_id(position.at)}", "+", "COUNT", BATCH))
    return [(parse_id(entry_id.decode()), _packed(fields)) for entry_id, fields in answer or ()]


def _packed(fields: Any) -> bytes:
    named = fields if isinstance(fields, Mapping) else dict(zip(fields[::2], fields[1::2], strict=True))
    packed: bytes = named.get(FIELD, b"")
    return packed
