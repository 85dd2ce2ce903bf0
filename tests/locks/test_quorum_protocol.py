"""What does a quorum make of what its servers answer? Round by round, without a server."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from onebeat.errors import Remedy, StoreError
from onebeat.keys import LockKeys
from onebeat.locks import quorum
from onebeat.locks.calls import Attempt
from onebeat.locks.protocol import Released
from onebeat.locks.quorum import Everywhere, Majority
from onebeat.wire import Pause
from tests.clocks import ToldClock
from tests.drivers import play

KEYS = LockKeys("ns", "l")
OLD = 10**9
NO_ANSWER = StoreError("no answer", remedy=Remedy.RETRY)
GIVEN_BACK = [b"done", b""]


def told(effects: list[Any]) -> list[str]:
    """The effects in words: the verb, and at which servers."""
    return [
        f"{next(iter(one.calls.values())).script.verb} {[*one.calls]}"
        if isinstance(one, Everywhere)
        else "pause"
        for one in effects
    ]


def acquire(answers: list[Any], wait_s: float | None = 0.0, servers: int = 3) -> Any:
    numbers = count()

    def attempt() -> Attempt:
        return Attempt(KEYS, f"t{next(numbers)}", 10_000, "{}")

    return play(quorum.acquire(attempt, servers, "born", wait_s, ToldClock(), lambda: 0.5), answers)


def votes(*numbers: int | StoreError | None) -> dict[int, Any]:
    """A fence for each that votes, None for one that is held by another."""
    answers: dict[int, Any] = {}
    for place, number in enumerate(numbers):
        refused = [b"busy", b"0"] if number is None else number
        answers[place] = [b"held", str(number).encode()] if isinstance(number, int) else refused
    return answers


def test_the_highest_fence_is_written_back_to_all_who_voted() -> None:
    found, effects = acquire([votes(5, 9, 7), {place: [1, OLD] for place in range(3)}])
    assert isinstance(found, Majority)
    assert (found.fence, found.places) == (9, (0, 1, 2))
    assert told(effects) == ["acquire [0, 1, 2]", "witness [0, 1, 2]"]
    assert [call.args for call in effects[1].calls.values()] == [("t0", 9)] * 3


def test_a_minority_that_is_silent_or_held_does_no_harm() -> None:
    found, effects = acquire([votes(5, None, 7), {0: [1, OLD], 2: [1, OLD]}])
    assert (found.fence, found.places) == (7, (0, 2))
    found, _ = acquire([votes(5, NO_ANSWER, 7), {0: [1, OLD], 2: [1, OLD]}])
    assert found.places == (0, 2)
    assert told(effects) == ["acquire [0, 1, 2]", "witness [0, 2]"]


def test_without_a_majority_it_is_given_back_where_it_may_be_held() -> None:
    found, effects = acquire([votes(5, None, None), {0: GIVEN_BACK}])
    assert found is None
    assert told(effects) == ["acquire [0, 1, 2]", "release [0]"]


@pytest.mark.parametrize(
    "heard",
    [
        {0: [1, OLD], 1: NO_ANSWER, 2: NO_ANSWER},  # the write-back is not known to have arrived
        {0: [1, OLD], 1: [0, OLD], 2: [0, OLD]},  # it is not held there any more
        {0: [1, OLD], 1: [1, 9_999], 2: [1, 0]},  # two may have forgotten a holder
    ],
)
def test_a_fence_that_only_a_minority_keeps_is_not_believed(heard: dict[int, Any]) -> None:
    found, effects = acquire([votes(5, 9, 7), heard, {}])
    assert found is None
    assert told(effects)[-1] == "release [0, 1, 2]"


def test_a_new_installation_votes_at_once() -> None:
    found, _ = acquire([votes(5, 9, 7), {place: [1, 0] for place in range(3)}])
    assert found.places == (0, 1, 2)


def test_too_few_servers_are_an_error_and_no_answer() -> None:
    with pytest.raises(StoreError, match="2 of the 3 servers"):
        acquire([votes(5, NO_ANSWER, NO_ANSWER), {}])


def test_who_waits_tries_again_with_a_new_token() -> None:
    found, effects = acquire(
        [votes(5, None, None), {}, None, votes(6, 7, 8), {place: [1, OLD] for place in range(3)}], wait_s=5.0
    )
    assert found.attempt.token == "t1"
    assert isinstance(effects[2], Pause)


def test_an_interrupt_gives_back_everywhere() -> None:
    with pytest.raises(KeyboardInterrupt):
        acquire([KeyboardInterrupt(), {}])


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([GIVEN_BACK, GIVEN_BACK, NO_ANSWER], Released.DONE),
        ([GIVEN_BACK, [b"already", b""], [b"not-yours", b""]], Released.DONE),
        ([[b"already", b""], [b"already", b""], NO_ANSWER], Released.ALREADY),
        ([GIVEN_BACK, [b"not-yours", b""], [b"not-yours", b""]], Released.NOT_YOURS),
    ],
)
def test_a_release_is_what_a_majority_says(answers: list[Any], found: Released) -> None:
    attempt = Attempt(KEYS, "t", 10_000, "{}")
    assert play(quorum.release(attempt, 3), [dict(enumerate(answers))]).result is found


def test_a_release_that_too_few_answered_is_not_known() -> None:
    with pytest.raises(StoreError, match="2 of the 3 servers"):
        play(
            quorum.release(Attempt(KEYS, "t", 10_000, "{}"), 3), [{0: GIVEN_BACK, 1: NO_ANSWER, 2: NO_ANSWER}]
        )
