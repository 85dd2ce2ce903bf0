"""`onebeat up --redis`: a store that is waited for and left alone."""

from __future__ import annotations

from pathlib import Path

from onebeat.embedded.given_store import WAIT_S, GivenStore
from tests.clocks import ToldClock
from tests.servers import Server


def test_it_is_ready_when_it_answers_and_is_left_running(own_server: Server) -> None:
    given = GivenStore(own_server.url)
    given.launch()
    assert given.readiness() == own_server.url
    assert given.ended() is None
    given.ask_to_stop()
    end = given.ended()
    assert end is not None
    assert end.text == "is left running"
    assert own_server.alive


def test_one_that_never_answers_ends_the_wait(tmp_path: Path) -> None:
    clock = ToldClock()
    given = GivenStore(f"unix://{tmp_path}/nowhere", clock=clock)
    given.launch()
    assert given.readiness() is None
    assert given.ended() is None
    clock.advance(WAIT_S + 1)
    end = given.ended()
    assert end is not None
    assert end.hopeless
    assert "did not answer within 10 s" in end.text


def test_an_outage_after_it_answered_is_no_end(own_server: Server) -> None:
    clock = ToldClock()
    given = GivenStore(own_server.url, clock=clock)
    given.launch()
    assert given.readiness()
    own_server.kill()
    clock.advance(WAIT_S + 1)
    assert given.readiness() is None
    assert given.ended() is None
