"""Is the database opened so that its promises hold?"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_mock_engine, inspect, text
from sqlalchemy.exc import OperationalError

import onebeat.ledger
from onebeat.errors import ConfigError, NotYetSupported
from onebeat.ledger import create_tables, entry_key, normal_url, open_async_engine, open_engine
from onebeat.ledger.tables import LEDGER, METADATA, insert_into


@pytest.mark.parametrize(
    ("url", "sync", "asynchronous"),
    [
        ("sqlite:///a.db", "sqlite:///a.db", "sqlite+aiosqlite:///a.db"),
        ("sqlite+aiosqlite:////x/a.db", "sqlite:////x/a.db", "sqlite+aiosqlite:////x/a.db"),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+asyncpg://h/d", "postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
    ],
)
def test_one_url_serves_both_drivers(url: str, sync: str, asynchronous: str) -> None:
    assert normal_url(url).render_as_string(hide_password=False) == sync
    assert normal_url(url, asynchronous=True).render_as_string(hide_password=False) == asynchronous


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("", ConfigError, "cannot be read"),
        ("nonsense", ConfigError, "cannot be read"),
        ("sqlite://", ConfigError, "outlive"),
        ("sqlite:///:memory:", ConfigError, "outlive"),
        ("oracle://h/d", NotYetSupported, "oracle"),
        ("mysql+pymysql://h/d", NotYetSupported, "mysql"),
        ("sqlite:////no/such/folder/a.db", ConfigError, "create the folder"),
    ],
)
def test_what_cannot_be_opened(url: str, error: type[Exception], said: str) -> None:
    for open_ in (open_engine, open_async_engine):
        with pytest.raises(error, match=said):
            open_(url)


def test_a_password_is_not_in_the_error() -> None:
    with pytest.raises(ConfigError) as caught:
        open_engine("postgresql://user:hunter2@host:port/name")
    assert "hunter2" not in str(caught.value)


PRAGMAS = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 5_000}


def test_sqlite_waits_keeps_and_checks(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.connect() as connection:
        found = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in PRAGMAS}
    engine.dispose()
    assert found == PRAGMAS


def test_async_sqlite_is_the_same(tmp_path: Path) -> None:
    async def ask() -> dict[str, object]:
        engine = open_async_engine(f"sqlite:///{tmp_path / 'a.db'}")
        async with engine.connect() as connection:
            found = {name: (await connection.execute(text(f"PRAGMA {name}"))).scalar() for name in PRAGMAS}
        await engine.dispose()
        return found

    assert asyncio.run(ask()) == PRAGMAS


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onebeat.ledger.engine.BUSY_MS", 0)
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    create_tables(engine)
    with engine.begin():
        assert onebeat.ledger.runs(engine, limit=1) == []
        assert onebeat.ledger.counts(engine) == {}
    engine.dispose()


def test_a_transaction_has_the_write_lock_from_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one that reads first and writes then fails, however long it would have waited."""
    monkeypatch.setattr("onebeat.ledger.engine.BUSY_MS", 0)
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin(), engine.connect() as other, pytest.raises(OperationalError, match="locked"):
        other.begin()
    engine.dispose()


def test_creating_twice_changes_nothing(url: str) -> None:
    engine = open_engine(url)
    for _ in range(2):
        create_tables(engine)
    assert set(inspect(engine).get_table_names()) == set(METADATA.tables)
    engine.dispose()


def test_a_process_starts_while_another_one_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onebeat.ledger.engine.BUSY_MS", 0)
    writer, starting = (open_engine(f"sqlite:///{tmp_path / 'a.db'}") for _ in range(2))
    create_tables(writer)
    with writer.begin():
        create_tables(starting)
    assert set(inspect(starting).get_table_names()) == set(METADATA.tables)
    for engine in (writer, starting):
        engine.dispose()


def test_what_alone_is_missing_is_created(url: str) -> None:
    engine = open_engine(url)
    create_tables(engine)
    with engine.begin() as connection:
        LEDGER.drop(connection)
    create_tables(engine)
    assert set(inspect(engine).get_table_names()) == set(METADATA.tables)
    engine.dispose()


def test_every_column_that_is_a_time_says_its_unit() -> None:
    for table in METADATA.tables.values():
        for column in table.columns:
            assert not column.name.endswith(("_at", "_time", "_on")), f"{table.name}.{column.name}"


def test_another_dialect_is_refused() -> None:
    engine = create_mock_engine("postgresql+psycopg://", lambda *_: None)
    assert insert_into(LEDGER, engine.dialect.name) is not None
    with pytest.raises(NotYetSupported):
        insert_into(LEDGER, "mysql")


def test_keys_keep_their_parts_apart() -> None:
    spelled = [("a", "bc", "d"), ("ab", "c", "d"), ("a", "b", "cd"), ("a", "bc", ""), ("", "abc", "d")]
    keys = {entry_key(*parts) for parts in spelled}
    assert len(keys) == len(spelled)
    assert all(len(key) == 64 and int(key, 16) >= 0 for key in keys)
    assert entry_key("ns", "t", "k\ud800\0") == entry_key("ns", "t", "k\ud800\0")


def test_the_package_imports_no_sqlalchemy() -> None:
    code = "import sys, onebeat.ledger as l; l.Entry; l.entry_key; print('sqlalchemy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


@pytest.mark.parametrize("name", onebeat.ledger.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert callable(getattr(onebeat.ledger, name))
    assert name in dir(onebeat.ledger)


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        onebeat.ledger.nothing  # noqa: B018


def test_an_engine_is_an_engine(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}", connections=2)
    assert isinstance(engine, Engine)
    assert engine.pool.size() == 2
    engine.dispose()
