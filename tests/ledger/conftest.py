"""What may a ledger test ask for? A fresh database of each kind that this machine has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from onebeat.ledger import Historian, create_tables, open_engine
from onebeat.wire import Store
from tests.ledger import postgres
from tests.ledger.log_writer import Log
from tests.ledger.shop import Shop

MISSING = postgres.why_not()
DATABASES = ["sqlite"] if MISSING else ["sqlite", "postgresql"]


def pytest_report_collectionfinish() -> str:
    return f"ledger tests run on: {', '.join(DATABASES)}" + (
        f" (no postgresql: {MISSING})" if MISSING else ""
    )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    shared = postgres.Postgres()
    try:
        yield shared.start()
    finally:
        shared.remove()


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    server: postgres.Postgres = request.getfixturevalue("postgres_server")
    yield server.url
    server.empty()


@pytest.fixture
def shop(url: str) -> Iterator[Shop]:
    """That database with onebeat's tables and a handler's own."""
    with Shop(url) as opened:
        opened.create()
        yield opened


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    """Which driver performs the protocol."""
    return request.param


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    opened = open_engine(url)
    create_tables(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def log(store: Store) -> Log:
    return Log(store)


@pytest.fixture
def historian(store: Store, engine: Engine) -> Historian:
    return Historian(store, engine, store.namespace)
