"""Is the effect there once when processes race for it, are killed, or hear nothing from the database?"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from onebeat.errors import Fenced
from onebeat.ledger import transaction
from onebeat.ledger.steps import Begin, Rows
from tests.drivers import play
from tests.ledger.conftest import DATABASES
from tests.ledger.shop import METADATA, Shop, adds, at_once, entry, sure

WITHIN_S = 90.0


def start(what: str, url: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.ledger.child", what, url]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


# -- processes ---------------------------------------------------------------------------------------


def test_eight_processes_perform_the_same_entry(url: str) -> None:
    """They also find no tables, and create them all at once."""
    with Shop(url) as shop:
        METADATA.create_all(shop.engine)
        racers = [start("race" if n % 2 else "race_async", url) for n in range(8)]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        answers = [racer.communicate(timeout=WITHIN_S)[0].strip() for racer in racers]
        assert [racer.returncode for racer in racers] == [0] * 8
        assert sorted(answers) == ["False"] + ["True"] * 7
        assert shop.effects() == ["a"]


@pytest.mark.parametrize(("killed", "survives"), [("before", False), ("after", True)])
def test_killed_around_the_commit(shop: Shop, mode: str, killed: str, survives: bool) -> None:
    child = start(killed, shop.url)
    child.communicate(timeout=WITHIN_S)
    assert child.returncode == -signal.SIGKILL
    assert (shop.effects(), len(shop.entries())) == ((["a"], 1) if survives else ([], 0))
    done = shop.perform(mode, entry(fence=2, message="m@1", resource="r"), adds("a", result=1))
    assert (done.result, done.replayed) == (1, survives)
    assert shop.effects() == ["a"]


def test_threads_perform_the_same_entries(shop: Shop) -> None:
    def perform(n: int) -> bool:
        what = entry(f"k{n % 5}", message=f"m@{n}")
        return shop.ledger.perform(what, at_once(adds(f"k{n % 5}")), confirm=sure).replayed

    with ThreadPoolExecutor(8) as threads:
        replayed = list(threads.map(perform, range(40)))
    assert replayed.count(False) == 5
    assert shop.effects() == [f"k{n}" for n in range(5)]


# -- COMMIT is sent, and the connection is gone -------------------------------------------------------


@pytest.fixture
def cut(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`cut("after")`: the next COMMIT happens and its answer is lost; `cut("before")`: it never arrives."""
    dialect = shop.engine.dialect
    commit = dialect.do_commit

    def arm(when: str) -> None:
        def once(connection: Any) -> None:
            monkeypatch.setattr(dialect, "do_commit", commit)
            if when == "after":
                commit(connection)
            connection.driver_connection.close()
            if dialect.name == "sqlite":
                raise sqlite3.OperationalError("disk I/O error")
            raise dialect.loaded_dbapi.OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(dialect, "do_commit", once)

    return arm


def test_a_commit_whose_answer_is_lost_is_a_success(shop: Shop, cut: Callable[[str], None]) -> None:
    cut("after")
    result = ("tuple", 1)
    done = shop.ledger.perform(entry(resource="r"), at_once(adds("a", result)), confirm=sure)
    assert done.result is result, "it is this attempt's own, not what JSON made of it"
    assert not done.replayed
    assert shop.effects() == ["a"]


@pytest.mark.parametrize("url", sorted({*DATABASES} - {"sqlite"}), indirect=True)
def test_a_commit_that_never_arrived_is_done_again(shop: Shop, cut: Callable[[str], None]) -> None:
    cut("before")
    done = shop.ledger.perform(entry(resource="r"), at_once(adds("a", 1)), confirm=sure)
    assert (done.result, done.replayed) == (1, False)
    assert shop.effects() == ["a"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_commit_that_failed_for_good_is_an_error(shop: Shop, cut: Callable[[str], None]) -> None:
    cut("before")
    with pytest.raises(OperationalError, match="disk I/O error"):
        shop.ledger.perform(entry(resource="r"), at_once(adds("a", 1)), confirm=sure)
    assert shop.nothing_happened()


def lost_connection() -> DBAPIError:
    return DBAPIError("COMMIT", None, Exception("cut"), connection_invalidated=True)


def played(*answers: Any) -> Any:
    """The protocol with these answers from the database, `kept` being a visible row of it."""
    steps = transaction.perform(
        entry(resource="r"), lambda session: None, dialect="sqlite", now_ms=0, confirm=sure, luck=lambda: 0.0
    )
    return play(steps, answers)


NEWER = SimpleNamespace(fence=2, holder="m@2")
WON, NONE = Rows(1, ()), Rows(0, ())
# begin, fence, claim, handler, row, COMMIT cut off, undo, and the ledger has nothing yet
IN_DOUBT = (None, WON, WON, "mine", WON, lost_connection(), None, None, NONE, None)


def kept(message: str, fence: int, fingerprint: str = "f") -> Rows:
    return Rows(1, ((fingerprint, message, fence, "done", '"theirs"', None),))


def test_a_commit_in_flight_is_found_although_a_newer_holder_has_registered() -> None:
    """First nothing is there; the second try is fenced; but the first COMMIT had come through before."""
    answers = (*IN_DOUBT, None, None, NONE, Rows(1, (NEWER,)), None, None, kept("m@1", 1), None)
    done, effects = played(*answers)
    assert (done.result, done.replayed) == ("mine", False)
    assert [step for step in effects if isinstance(step, Begin)][-1].read_only


def test_what_another_attempt_committed_meanwhile_is_a_replay() -> None:
    answers = (*IN_DOUBT, None, None, WON, NONE, kept("m@1", 5), None)
    done, _ = played(*answers)
    assert (done.result, done.replayed) == ("theirs", True)


def test_fenced_after_a_commit_that_did_not_happen_is_fenced() -> None:
    answers = (*IN_DOUBT, None, None, NONE, Rows(1, (NEWER,)), None, None, NONE, None)
    with pytest.raises(Fenced):
        played(*answers)
