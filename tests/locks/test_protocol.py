"""Which effects do the lock protocols ask for when answers are lost, late or refused?"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from onebeat.errors import Remedy, StoreError
from onebeat.keys import LockKeys
from onebeat.locks import protocol
from onebeat.locks.calls import Attempt
from onebeat.locks.protocol import Grant, Released
from onebeat.wire import Call, Command, Effect, Pause
from tests.drivers import Unfinished, play

KEYS = LockKeys("ns", "l")
ATTEMPT = Attempt(KEYS, "t", 10_000, "{}")
NO_ANSWER = StoreError("no answer", remedy=Remedy.RETRY)
REFUSED = StoreError("WRONGTYPE", remedy=Remedy.FATAL)


@dataclass
class Ticking:
    """A clock on which every look takes `tick_s`."""

    tick_s: float = 0.0
    now_s: float = 1000.0
    looks: list[float] = field(default_factory=list)

    def wall_ms(self) -> int:
        return 0

    def mono_s(self) -> float:
        self.now_s += self.tick_s
        self.looks.append(self.now_s)
        return self.now_s


def told(effects: list[Effect]) -> list[str]:
    """The effects in words."""
    return [
        effect.script.verb
        if isinstance(effect, Call)
        else str(getattr(effect, "words", ("pause",))[0]).lower()
        for effect in effects
    ]


def test_a_free_lock_costs_one_call() -> None:
    grant, effects = play(protocol.acquire(ATTEMPT, 0, Ticking()), [[b"held", b"7"]])
    assert grant == Grant(7, 1000.0, 1009.0)
    assert told(effects) == ["acquire"]


def test_wait_zero_on_a_held_lock_costs_one_call_and_queues_nowhere() -> None:
    grant, effects = play(protocol.acquire(ATTEMPT, 0, Ticking()), [[b"busy", b"0"]])
    assert grant is None
    assert told(effects) == ["acquire"]
    assert isinstance(effects[0], Call)
    assert effects[0].args[2] == 0


def test_a_lost_reply_is_asked_again_with_the_same_token() -> None:
    answers = [NO_ANSWER, None, [b"held", b"7"]]
    grant, effects = play(protocol.acquire(ATTEMPT, 0, Ticking()), answers)
    assert grant.fence == 7
    assert told(effects) == ["acquire", "pause", "acquire"]
    assert effects[0] == effects[2]


def test_validity_counts_from_the_request_that_was_answered_not_from_the_first() -> None:
    clock = Ticking(tick_s=0.5)
    grant, _ = play(protocol.acquire(ATTEMPT, 0, clock), [NO_ANSWER, None, [b"held", b"7"]])
    assert grant.sent_s > 1001
    assert grant.until_s == pytest.approx(grant.sent_s + 9.0 - 0.5)


def test_a_waiter_listens_and_asks_again() -> None:
    answers = [[b"queued", b"-1"], [b"bell", b"yours"], [b"held", b"7"]]
    _, effects = play(protocol.acquire(ATTEMPT, 60, Ticking()), answers)
    assert told(effects) == ["acquire", "blpop", "acquire"]
    assert effects[1] == Command(("BLPOP", KEYS.bell("t"), "2.000"), block_s=2.0)


@pytest.mark.parametrize(
    ("watch_ms", "wait_s", "listens_s"), [(-1, 60, 2.0), (499, 60, 0.5), (9_000, 60, 2.0), (-1, 1.5, 1.5)]
)
def test_a_waiter_listens_until_there_may_be_news(watch_ms: int, wait_s: float, listens_s: float) -> None:
    with pytest.raises(Unfinished) as stopped:
        play(protocol.acquire(ATTEMPT, wait_s, Ticking()), [[b"queued", str(watch_ms)]])
    assert stopped.value.effects[-1].block_s == listens_s


def test_a_wait_in_vain_leaves_the_queue() -> None:
    answers = [[b"queued", b"-1"], None, [b"busy", b"0"], [b"not-yours", b""]]
    grant, effects = play(protocol.acquire(ATTEMPT, 1, Ticking(tick_s=0.4)), answers)
    assert grant is None
    assert told(effects) == ["acquire", "blpop", "acquire", "release"]


def test_a_wait_without_limit_goes_on() -> None:
    answers = [*([[b"queued", b"-1"], None] * 50), [b"held", b"7"]]
    grant, _ = play(protocol.acquire(ATTEMPT, None, Ticking(tick_s=0.1)), answers)
    assert grant.fence == 7


def test_a_broken_bell_is_no_busy_loop() -> None:
    answers = [[b"queued", b"-1"], NO_ANSWER, None, [b"held", b"7"]]
    _, effects = play(protocol.acquire(ATTEMPT, 60, Ticking()), answers)
    assert told(effects) == ["acquire", "blpop", "pause", "acquire"]
    assert effects[2] == Pause(0.25)


def test_an_answer_that_came_too_late_to_be_believed_is_not_believed() -> None:
    slow = Ticking(tick_s=6.0)
    grant, effects = play(protocol.acquire(ATTEMPT, 0, slow), [[b"held", b"7"]] * 3 + [[b"done", b""]])
    assert grant is None
    assert told(effects) == ["acquire", "acquire", "acquire", "release"]


def test_a_refused_acquire_is_not_repeated() -> None:
    with pytest.raises(StoreError, match="WRONGTYPE"):
        play(protocol.acquire(ATTEMPT, 60, Ticking()), [REFUSED])


@pytest.mark.parametrize("ring", [1, NO_ANSWER], ids=["heard", "lost"])
def test_release_wakes_the_heir_and_no_other(ring: object) -> None:
    found, effects = play(protocol.release(KEYS, "t"), [[b"done", b"h"], ring])
    assert found is Released.DONE
    assert told(effects) == ["release", "ring"]
    assert isinstance(effects[1], Call)
    assert effects[1].keys == (KEYS.bell("h"),)


def test_a_release_whose_reply_is_lost_is_repeated() -> None:
    found, effects = play(protocol.release(KEYS, "t"), [NO_ANSWER, None, [b"already", b""]])
    assert found is Released.ALREADY
    assert effects[0] == effects[2]


HELD = [(LockKeys("ns", name), name, 10_000) for name in "abc"]


def test_one_renewal_for_all() -> None:
    mine, effects = play(protocol.renew(HELD), [[1, 0, 1]])
    assert mine == [True, False, True]
    assert told(effects) == ["renew"]


def test_a_renewal_that_is_refused_as_a_whole_is_made_one_by_one() -> None:
    mine, effects = play(protocol.renew(HELD), [REFUSED, [1], REFUSED, [0]])
    assert mine == [True, None, False]
    assert told(effects) == ["renew"] * 4


def test_a_renewal_without_an_answer_says_so() -> None:
    with pytest.raises(StoreError, match="no answer"):
        play(protocol.renew(HELD), [NO_ANSWER])
