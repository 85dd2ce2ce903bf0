"""Is the garbage collector out of the way of very many schedules, and back afterwards?"""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from onebeat.scheduler.uncollected import MANY, uncollected


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_many_are_taken_in_without_a_collection_and_never_looked_at_again() -> None:
    gc.unfreeze()
    with uncollected(MANY):
        assert not gc.isenabled()
        taken = [[n] for n in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= len(taken)


def test_an_error_brings_the_collector_back() -> None:
    with pytest.raises(ZeroDivisionError), uncollected(MANY):
        raise ZeroDivisionError
    assert gc.isenabled()


def test_for_few_nothing_changes() -> None:
    gc.unfreeze()
    with uncollected(MANY - 1):
        assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_who_switched_it_off_finds_it_off() -> None:
    gc.disable()
    with uncollected(MANY):
        pass
    assert not gc.isenabled()
    assert gc.get_freeze_count() == 0
