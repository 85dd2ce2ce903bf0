"""Can one namespace reach into another one that shares its store?"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onebeat.config.reading import read
from onebeat.errors import InvalidName
from onebeat.keys import LockKeys, QueueKeys, SpaceKeys
from tests.security.roles import EVERYTHING, glob

NAMES = st.from_regex(r"[a-c][a-c.:]{0,3}", fullmatch=True)
SPACES = st.from_regex(r"[a-c][a-c.]{0,3}", fullmatch=True)


@pytest.mark.parametrize("make", [lambda ns: QueueKeys(ns, "q"), lambda ns: LockKeys(ns, "x"), SpaceKeys])
def test_a_namespace_ends_at_its_colon(make: Callable[[str], object]) -> None:
    with pytest.raises(InvalidName, match=r"namespace 'a:b' is not a valid name: .* 0-9 _ \. - and start"):
        make("a:b")
    make("a.b")


def test_a_file_is_told_so() -> None:
    told = read(b"namespace: a:b\nschedules: {}\n", "onebeat.yaml").mistakes
    assert [(one.line, one.column, one.code) for one in told] == [(1, 12, "OB130")]


@given(SPACES, NAMES, SPACES, NAMES)
def test_queues_of_two_namespaces_share_no_key(one: str, queue: str, other: str, others_queue: str) -> None:
    same = QueueKeys(one, queue).prefix == QueueKeys(other, others_queue).prefix
    assert same == ((one, queue) == (other, others_queue))


@given(SPACES, SPACES, NAMES)
def test_rights_end_where_the_namespace_ends(mine: str, other: str, queue: str) -> None:
    """The patterns of the widest role; only their `*` at the end is not literal."""
    prefixes = tuple(glob(pattern, mine).removesuffix("*") for pattern in EVERYTHING)
    for key in (SpaceKeys(other).leader, QueueKeys(other, queue).log, LockKeys(other, queue).owner):
        assert key.startswith(prefixes) == (mine == other)
