"""Are arguments refused where they are given, in words that mend, and do the others come back?"""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onebeat.errors import BadPayload
from onebeat.queue.payload import canonical, decode, encode
from tests.bad_inputs.payload_rows import ACCEPTED, REFUSED, UNREADABLE

PLAIN = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.binary()
PLAIN |= st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)
NAMES = st.text(st.characters(codec="utf-8"), max_size=10)


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[0])
def test_refused(row: tuple[str, list[Any], dict[Any, Any], str]) -> None:
    _, args, kwargs, message = row
    with pytest.raises(BadPayload) as caught:
        encode(args, kwargs)
    assert str(caught.value) == message


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row[0])
def test_accepted(row: tuple[str, list[Any], dict[str, Any], tuple[list[Any], dict[str, Any]]]) -> None:
    _, args, kwargs, received = row
    found = decode(encode(args, kwargs))
    assert found == received
    assert repr(found) == repr(received)  # also -0.0, 1 against True, and the order of dicts


@pytest.mark.parametrize("row", UNREADABLE, ids=lambda row: row[0])
def test_unreadable(row: tuple[str, bytes, str]) -> None:
    _, body, part = row
    with pytest.raises(BadPayload, match=f"the stored arguments cannot be read .*{re.escape(part)}"):
        decode(body)


@settings(max_examples=50)
@given(st.lists(VALUES, max_size=4), st.dictionaries(NAMES, VALUES, max_size=4))
def test_there_and_back(args: list[Any], kwargs: dict[str, Any]) -> None:
    assert decode(encode(args, kwargs)) == (args, kwargs)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_nothing_else_happens(body: bytes) -> None:
    try:
        args, kwargs = decode(body)
    except BadPayload:
        return
    assert isinstance(args, list)
    assert isinstance(kwargs, dict)


def test_canonical_does_not_know_the_order_of_names() -> None:
    one, other = encode([{"a": 1, "b": 2}], {"x": 1, "y": 2}), encode([{"b": 2, "a": 1}], {"y": 2, "x": 1})
    assert one != other
    assert canonical(one) == canonical(other)
    assert canonical(one) != canonical(encode([{"a": 1, "b": 3}], {"x": 1, "y": 2}))
