"""Does the checker see? Each seeded bug is found within its budget, by the invariant that it breaks."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.interleave.gate import Hunt, hunt_in_processes, names_in_table, table
from tests.interleave.history import play
from tests.interleave.mutants import MUTANTS
from tests.interleave.mutate import applied, patched_text
from tests.interleave.scenarios import SCENARIOS

FEWEST = 30


@pytest.mark.timeout(1800)
def test_no_bug_survives() -> None:
    hunts = hunt_in_processes(min(2, os.cpu_count() or 1))
    caught_by = {mutant.name: mutant.caught_by for mutant in MUTANTS}
    wrong = [
        f"{one.name}: {one.what or 'survived'} after {one.histories} histories"
        for one in hunts
        if one.invariant not in caught_by[one.name]
    ]
    assert not wrong, "\n".join(wrong)
    assert len(hunts) >= FEWEST


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_its_patch_fits_the_code(mutant) -> None:
    assert patched_text(mutant)
    assert mutant.scenario in SCENARIOS
    assert mutant.caught_by


def test_names_are_different() -> None:
    assert [name for name, count in Counter(one.name for one in MUTANTS).items() if count > 1] == []


def test_every_mutant_is_in_the_documentation() -> None:
    assert names_in_table() == [mutant.name for mutant in MUTANTS], (
        "run: python -m tests.interleave --mutants"
    )


@pytest.mark.parametrize("mutant", [MUTANTS[0], MUTANTS[-1]], ids=lambda one: one.name)
def test_a_bug_leaves_with_its_patch(mutant, world) -> None:
    scenario = SCENARIOS[mutant.scenario]
    with applied(mutant):
        broken = next(seed for seed in range(mutant.budget) if play(world, scenario, seed).violation)
    assert play(world, scenario, broken).violation is None


def test_a_survivor_is_shown() -> None:
    rows = table([Hunt(MUTANTS[0].name, MUTANTS[0].budget)])
    assert "**nothing**" in rows
