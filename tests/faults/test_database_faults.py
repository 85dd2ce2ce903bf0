"""The database refuses in the middle of a run: is nothing visible, and does the next run find it well?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, insert, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from onebeat.ledger import Entry, Ledger
from onebeat.ledger.tables import LEDGER
from tests.chaos.tasks import EFFECTS, METADATA


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(f"sqlite:///{tmp_path / 'effects.db'}")
    opened.create_tables()
    METADATA.create_all(opened.engine)
    yield opened
    opened.close()


def entry(key: str) -> Entry:
    return Entry(
        namespace="n",
        task="t",
        key=key,
        fingerprint="f",
        message_id=key,
        fence=1,
        resource=None,
        retention_s=60,
    )


def counts(ledger: Ledger) -> tuple[int, int]:
    """How many effects and how many ledger rows are visible."""
    with ledger.engine.connect() as connection:
        seen = [connection.scalar(select(func.count()).select_from(table)) for table in (EFFECTS, LEDGER)]
    return seen[0] or 0, seen[1] or 0


def bulky(session: Session) -> None:
    for n in range(200):
        session.execute(insert(EFFECTS).values(run=f"{n} " * 100, kind="bulk"))


def pragma(ledger: Ledger, text: str) -> None:
    """On every connection that is opened from now on."""

    def set_it(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {text}")

    ledger.engine.dispose()
    event.listen(ledger.engine, "connect", set_it)


def test_a_full_database_leaves_nothing_and_recovers(ledger: Ledger) -> None:
    with ledger.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    pragma(ledger, f"max_page_count={pages + 3}")
    with pytest.raises(OperationalError, match="full"):
        ledger.perform(entry("big"), bulky, confirm=lambda: None)
    assert counts(ledger) == (0, 0)
    pragma(ledger, f"max_page_count={pages + 10_000}")
    assert not ledger.perform(entry("big"), bulky, confirm=lambda: None).replayed
    assert counts(ledger) == (200, 1)


def test_a_read_only_database_leaves_nothing(ledger: Ledger) -> None:
    pragma(ledger, "query_only=ON")
    with pytest.raises(OperationalError, match="readonly"):
        ledger.perform(entry("one"), bulky, confirm=lambda: None)
    pragma(ledger, "query_only=OFF")
    assert counts(ledger) == (0, 0)
    ledger.perform(entry("one"), bulky, confirm=lambda: None)
    assert counts(ledger) == (200, 1)
