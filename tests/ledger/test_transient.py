"""Does an attempt begin again when the database rolled it back for another's sake, and end some time?"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from onebeat.ledger import Ledger, transaction
from onebeat.ledger import engine as engines
from onebeat.ledger.faults import MAX_S, is_transient, pause_s
from onebeat.ledger.steps import Rows, Undo
from tests.drivers import play
from tests.ledger.conftest import DATABASES
from tests.ledger.shop import EFFECT, Shop, adds, at_once, entry, sure

WITHIN_S = 90.0
WON = Rows(1, ())


def sqlstate(code: str) -> Exception:
    problem = Exception(code)
    problem.sqlstate = code
    return problem


def sqlite_problem(code: int | None) -> Exception:
    problem = sqlite3.OperationalError("locked")
    if code is not None:
        problem.sqlite_errorcode = code
    return problem


def wrapping(problem: Exception) -> Exception:
    wrapper = ValueError("the handler's own")
    wrapper.__cause__ = problem
    return wrapper


@pytest.mark.parametrize(
    ("problem", "transient"),
    [
        (sqlstate("40001"), True),
        (sqlstate("40P01"), True),
        (sqlstate("23505"), False),
        (DBAPIError("x", None, sqlstate("40001")), True),
        (wrapping(DBAPIError("x", None, sqlstate("40P01"))), True),
        (sqlite_problem(sqlite3.SQLITE_BUSY), True),
        (sqlite_problem(sqlite3.SQLITE_BUSY_SNAPSHOT), True),
        (sqlite_problem(sqlite3.SQLITE_LOCKED), True),
        (sqlite_problem(sqlite3.SQLITE_FULL), False),
        (sqlite_problem(None), False),
        (ValueError("x"), False),
    ],
)
def test_what_is_transient(problem: Exception, transient: bool) -> None:
    assert is_transient(problem) is transient


def test_causes_in_a_circle_end() -> None:
    one, two = ValueError("1"), ValueError("2")
    one.__cause__, two.__cause__ = two, one
    assert not is_transient(one)


def test_pauses_grow_and_end() -> None:
    pauses = [pause_s(tried, 0.999) for tried in range(1, 40)]
    assert pauses == sorted(pauses)
    assert max(pauses) <= MAX_S
    assert pause_s(9, 0.0) == 0.0


@pytest.mark.parametrize(("failures", "calls"), [(1, 2), (4, 5), (5, 5)])
def test_a_serialisation_failure_begins_again_a_bounded_number_of_times(
    shop: Shop, mode: str, failures: int, calls: int
) -> None:
    called = 0

    async def work(session: Any) -> int:
        nonlocal called
        called += 1
        await adds("a")(session)
        if called <= failures:
            raise DBAPIError("x", None, sqlstate("40001"))
        return called

    if failures < transaction.TRIES:
        assert shop.perform(mode, entry(resource="r"), work).result == calls
        assert shop.effects() == ["a"]
    else:
        with pytest.raises(DBAPIError):
            shop.perform(mode, entry(resource="r"), work)
        assert shop.nothing_happened()
    assert called == calls


def test_another_failure_is_not_tried_again(shop: Shop) -> None:
    steps = transaction.perform(
        entry(), lambda session: None, dialect="sqlite", now_ms=0, confirm=sure, luck=lambda: 0.0
    )
    with pytest.raises(ValueError, match="once"):
        play(steps, [None, WON, ValueError("once"), None])


@pytest.mark.parametrize("url", sorted({*DATABASES} - {"sqlite"}), indirect=True)
def test_a_real_deadlock_ends_with_both_effects(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        connection.execute(insert(EFFECT), [{"n": 1, "name": "x"}, {"n": 2, "name": "y"}])
    both = threading.Barrier(2)

    def crosswise(rows: list[int]) -> Callable[[Any], int]:
        met: list[bool] = []

        def work(session: Any) -> int:
            for row in rows:
                session.execute(text(f"UPDATE effect SET name = name || '{rows[0]}' WHERE n = {row}"))
                if not met:
                    met.append(True)
                    both.wait(WITHIN_S)
            return 1

        return work

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(shop.ledger.perform, entry("k1"), crosswise([1, 2]), confirm=sure)
        two = threads.submit(shop.ledger.perform, entry("k2"), crosswise([2, 1]), confirm=sure)
        assert not one.result(WITHIN_S).replayed
        assert not two.result(WITHIN_S).replayed
    assert [sorted(name) for name in shop.effects()] == [["1", "2", "x"], ["1", "2", "y"]]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_database_locked_for_long_is_tried_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_MS", 50)
    other = sqlite3.connect(shop.engine.url.database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def luck() -> float:  # asked once per failure
        if other.in_transaction:
            other.execute("COMMIT")
        return 0.0

    ledger = Ledger(shop.url, luck=luck)
    assert not ledger.perform(entry(), at_once(adds("a")), confirm=sure).replayed
    ledger.close()
    other.close()
    assert shop.effects() == ["a"]


def test_undo_comes_before_the_pause() -> None:
    """A transaction that waits for its next try must not hold the lock that it failed for."""
    steps = transaction.perform(
        entry(), lambda session: None, dialect="sqlite", now_ms=0, confirm=sure, luck=lambda: 0.5
    )
    next(steps)
    assert isinstance(steps.throw(DBAPIError("x", None, sqlstate("40001"))), Undo)
    steps.close()
