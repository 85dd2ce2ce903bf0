"""Can any text or bytes break a reader, or keep it busy? `python -m tests.fuzz` looks for longer."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import SIZE_MAX, mutated
from tests.fuzz.targets import TARGETS, Target

CAP_S = 2.0  # of CPU for one input; by hand the slowest takes a few milliseconds


# What fuzzing has found: reader, input, whether it is accepted today.
FOUND: tuple[tuple[str, bytes, bool], ...] = (
    ("payload", b"\x92\x91\x81\x01\x02\x80", False),  # a key that is no text escaped as a TypeError
)


def judge(target: Target, raw: bytes) -> None:
    """The input is accepted or refused as declared, in time; everything else fails the test."""
    began_s = time.process_time()
    target.try_one(raw)
    assert time.process_time() - began_s < CAP_S


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 1 << 64))
def test_changed_inputs(name: str, seed: int) -> None:
    target = TARGETS[name]
    judge(target, mutated(Random(seed), target.seeds, target.words))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
def test_any_inputs(name: str, raw: bytes) -> None:
    judge(TARGETS[name], raw)


@pytest.mark.parametrize(("name", "raw", "accepted"), FOUND)
def test_what_was_found(name: str, raw: bytes, accepted: bool) -> None:
    assert TARGETS[name].try_one(raw) is accepted


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_sees_both_sides(name: str) -> None:
    """Seeds that are all refused, or all accepted, would look at half of a reader."""
    target = TARGETS[name]
    luck = Random(1)
    assert {target.try_one(mutated(luck, target.seeds, target.words)) for _ in range(500)} == {True, False}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "shape",
    [b"%s" * 2_000, b"%s " * 2_000, b"(%s" * 2_000, b"-- %s\n" * 2_000],
    ids=["row", "list", "deep", "lines"],
)
def test_long_inputs(name: str, shape: bytes) -> None:
    target = TARGETS[name]
    for word in (
        b"a",
        b"*",
        b"[",
        b"{a: ",
        b"1",
        b"\x91",
        b"&a ",
        b"&a [*a,",
        b"'",
        b"KEYS x LIST y",
        b"\xf0\x9f\x91\x8d",
    ):
        judge(target, shape.replace(b"%s", word))


def test_a_change_is_repeatable_and_bounded() -> None:
    target = TARGETS["yaml"]
    many = [mutated(Random(seed), target.seeds, target.words) for seed in range(300)]
    assert many == [mutated(Random(seed), target.seeds, target.words) for seed in range(300)]
    assert len(set(many)) > 250
    assert max(map(len, many)) <= SIZE_MAX
