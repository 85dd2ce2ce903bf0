"""How often does the history look at the log, and what makes it look at once?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from onebeat.worker import history
from onebeat.worker.board import Board
from onebeat.worker.history import EVERY_S, REST_MAX_S, HistoryThread, rest_after
from onebeat.worker.seat import Seat

PATIENCE_S = 20.0


def test_it_rests_longer_while_nothing_comes() -> None:
    rests = [EVERY_S]
    for _ in range(5):
        rests.append(rest_after(rests[-1], came=False))
    assert rests == [0.5, 1.0, 2.0, 4.0, REST_MAX_S, REST_MAX_S]
    assert rest_after(REST_MAX_S, came=True) == EVERY_S


class Looks:
    """A historian that finds nothing."""

    def __init__(self) -> None:
        self.come = threading.Semaphore(0)

    def catch_up(self, _queues: Any) -> int:
        self.come.release()
        return 0


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Looks, HistoryThread]]:
    monkeypatch.setattr(history, "EVERY_S", 0.001)
    monkeypatch.setattr(history, "rest_after", lambda _rest_s, *, came: 0.0 if came else float("inf"))
    historian: Any = Looks()
    ledger: Any = None  # it is asked only every minute
    thread = HistoryThread(historian, ["q"], ledger)
    thread.start()
    yield historian, thread
    thread.stop()


def test_it_looks_when_a_process_here_did_something(looks: tuple[Looks, HistoryThread]) -> None:
    historian, thread = looks
    assert historian.come.acquire(timeout=PATIENCE_S)  # its first look; from now on it rests
    thread.stir()
    assert historian.come.acquire(timeout=PATIENCE_S)
    assert historian.come.acquire(timeout=PATIENCE_S)  # soon again after that, as when something came


def test_a_process_that_did_something_is_seen_once(tmp_path: Any) -> None:
    with open(tmp_path / "board", "w+b") as file:
        mine = Board(file.fileno(), 1)
        seat = Seat(0, board=mine)
        assert not seat.stirs()
        mine.turn()
        mine.turn()
        assert seat.stirs()
        assert not seat.stirs()
        assert mine.turns == 2
        assert not mine.retires
