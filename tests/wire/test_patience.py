"""How often, and after which waits, does `insist` send a call again?"""

from __future__ import annotations

import pytest

from onebeat.errors import Remedy, StoreError
from onebeat.wire import Command, Pause, insist
from onebeat.wire.patience import FIRST_S, MAX_S, backoff_s
from tests.clocks import ToldClock
from tests.drivers import play

CALL = Command(("PING",))


def failed(remedy: Remedy) -> StoreError:
    return StoreError(f"told to {remedy.value}", remedy=remedy)


def insisting(clock: ToldClock, *, within_s: float = 10.0, luck: float = 1.0):
    return insist(CALL, within_s=within_s, clock=clock, luck=lambda: luck)


@pytest.mark.parametrize(
    ("tried", "luck", "seconds"),
    [
        (1, 1.0, FIRST_S),
        (2, 1.0, 2 * FIRST_S),
        (3, 0.5, 2 * FIRST_S),
        (4, 0.0, 0.0),
        (7, 1.0, MAX_S),
        (100_000, 1.0, MAX_S),
    ],
)
def test_waits_double_up_to_a_limit_and_are_scaled_by_luck(tried: int, luck: float, seconds: float) -> None:
    assert backoff_s(tried, luck) == pytest.approx(seconds)


def test_an_answer_ends_it() -> None:
    assert play(insisting(ToldClock()), [b"PONG"]).effects == [CALL]


@pytest.mark.parametrize("remedy", [Remedy.RETRY, Remedy.RESOLVE])
def test_a_passing_failure_is_sent_again_after_a_wait(remedy: Remedy) -> None:
    clock = ToldClock()
    result, effects = play(
        insisting(clock), [failed(remedy), clock.sleep, failed(remedy), clock.sleep, b"PONG"]
    )
    assert result == b"PONG"
    assert effects == [CALL, Pause(FIRST_S), CALL, Pause(2 * FIRST_S), CALL]


def test_a_fatal_failure_is_told_at_once() -> None:
    problem = failed(Remedy.FATAL)
    with pytest.raises(StoreError) as raised:
        play(insisting(ToldClock()), [problem])
    assert raised.value is problem


def test_it_ends_with_the_last_failure_and_never_waits_beyond_its_time() -> None:
    clock = ToldClock()
    began = clock.mono_s()
    last = failed(Remedy.RETRY)
    answers = [failed(Remedy.RETRY), clock.sleep, failed(Remedy.RETRY), clock.sleep, last]
    with pytest.raises(StoreError) as raised:
        play(insisting(clock, within_s=5 * FIRST_S), answers)
    assert raised.value is last
    assert clock.mono_s() - began == pytest.approx(3 * FIRST_S)  # the next wait would have ended at 7


def test_a_step_of_the_wall_clock_changes_nothing() -> None:
    clock = ToldClock()

    def sleep_and_step(effect) -> None:
        clock.sleep(effect)
        clock.step_wall(3600)

    assert play(insisting(clock), [failed(Remedy.RETRY), sleep_and_step, b"PONG"]).result == b"PONG"
