"""Does the search find an order where there is one, and none where an answer cannot be?"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.locks.linear import Act, Lock, Op, first_unexplained


def held(hold: str, from_s: float, to_s: float, fence: int) -> Op:
    return Op(Act.HELD, hold, from_s, to_s, fence)


def busy(from_s: float, to_s: float, *, waits: bool = False) -> Op:
    return Op(Act.BUSY, f"busy {from_s}", from_s, to_s, waits=waits)


A = held("a", 0, 1, 1)
GAVE_A = Op(Act.GAVE, "a", 4, 5)

EXPLAINED = {
    "nothing": [],
    "one after the other": [A, GAVE_A, held("b", 6, 7, 2)],
    "a call that overlaps takes effect at its end": [A, GAVE_A, held("b", 0, 9, 2)],
    "refused while another holds": [A, busy(2, 3), GAVE_A],
    "refused in the last moment": [A, GAVE_A, busy(4.9, 6)],
    "refused by who has not been told yet": [busy(0, 0.5), held("a", 0, 5, 1)],
    "free, but somebody waited before": [replace(held("w", 0, 9, 1), waits=True), busy(2, 3), busy(2, 4)],
    "somebody waited in vain, behind another": [A, busy(2, 3, waits=True), GAVE_A],
    "a lease ended, then another came": [A, Op(Act.MAY_LAPSE, "a", 2), held("b", 3, 4, 2)],
    "released too late": [A, Op(Act.MAY_LAPSE, "a", 2), Op(Act.LOST, "a", 4, 5)],
    "a call that was not answered holds": [Op(Act.MAY_HOLD, "x", 0), busy(2, 3)],
    "and is given up later": [
        Op(Act.MAY_HOLD, "x", 0),
        busy(2, 3),
        Op(Act.MAY_GIVE, "x", 0),
        held("b", 4, 5, 1),
    ],
    "or it never came": [Op(Act.MAY_HOLD, "x", 0), held("b", 4, 5, 1), Op(Act.GAVE, "b", 6, 7)],
    "a release that was not answered came": [A, Op(Act.MAY_GIVE, "a", 2), held("b", 3, 4, 2)],
    "or it did not": [A, Op(Act.MAY_GIVE, "a", 2), busy(3, 4)],
}

UNEXPLAINED = {
    "two hold": ([A, held("b", 2, 3, 2)], "b held fence 2"),
    "two hold, and one releases later": ([A, held("b", 2, 3, 2), GAVE_A], "b held"),
    "a fence falls": ([held("a", 0, 1, 2), GAVE_A, held("b", 6, 7, 1)], "b held fence 1"),
    "a fence is given twice": ([A, GAVE_A, held("b", 6, 7, 1)], "b held fence 1"),
    "refused by a free lock": ([A, GAVE_A, busy(6, 7)], "busy 6 busy"),
    "refused before anybody came": ([busy(0, 0.5), held("a", 1, 5, 1)], "busy 0 busy"),
    "refused, and who waited was gone": (
        [replace(A, waits=True), GAVE_A, busy(6, 7)],
        "busy 6 busy",
    ),
    "waited in vain for a free lock": ([busy(0, 1, waits=True)], "busy 0 busy"),
    "released by who does not hold": ([Op(Act.GAVE, "a", 4, 5)], "a gave"),
    "released twice": ([A, GAVE_A, Op(Act.GAVE, "a", 6, 7)], "a gave"),
    "told it was late while it held": ([A, Op(Act.LOST, "a", 4, 5)], "a lost"),
    "a lease ended too early": ([A, Op(Act.MAY_LAPSE, "a", 3.5), held("b", 2, 3, 2)], "b held"),
    "an unanswered call holds for ever": (
        [Op(Act.MAY_HOLD, "x", 0), busy(2, 3), held("b", 4, 5, 1)],
        "b held",
    ),
    "an unanswered call came before it was made": ([busy(2, 3), Op(Act.MAY_HOLD, "x", 3.5)], "busy 2 busy"),
}


@pytest.mark.parametrize("ops", EXPLAINED.values(), ids=EXPLAINED)
def test_there_is_an_order(ops: list[Op]) -> None:
    assert first_unexplained(reversed(ops)) is None


@pytest.mark.parametrize(("ops", "told"), UNEXPLAINED.values(), ids=UNEXPLAINED)
def test_there_is_none(ops: list[Op], told: str) -> None:
    found = first_unexplained(reversed(ops))
    assert told in str(found)


def recorded(luck: random.Random, calls: int) -> list[Op]:
    """What a right lock answered: calls in this order, each with a beginning and an end around its moment."""
    ops: list[Op] = []
    lock, at_s = Lock(), 0.0
    for number in range(calls):
        at_s += 1.0
        act = (
            luck.choice((Act.GAVE, Act.BUSY, Act.BUSY))
            if lock.holder
            else luck.choice((Act.HELD, Act.MAY_HOLD))
        )
        hold = lock.holder if act is Act.GAVE else f"h{number}"
        op = Op(
            act,
            hold,
            at_s - luck.uniform(0, 6),
            at_s + luck.uniform(0, 6),
            number + 1 if act is Act.HELD else 0,
        )
        then = lock.after(op)
        assert then is not None
        ops.append(op)
        if act is Act.MAY_HOLD:
            ops.append(Op(Act.MAY_LAPSE, hold, op.from_s))
        lock = then
    return ops


@pytest.mark.parametrize("seed", range(20))
def test_what_a_right_lock_answered_has_an_order_and_a_wrong_answer_among_it_has_none(seed: int) -> None:
    luck = random.Random(seed)
    ops = recorded(luck, 300)
    assert first_unexplained(ops) is None
    last = max(op.fence for op in ops)
    place = luck.choice([n for n, op in enumerate(ops) if op.act is Act.HELD and op.fence != last])
    assert first_unexplained([*ops[:place], replace(ops[place], fence=last), *ops[place + 1 :]]) is not None
