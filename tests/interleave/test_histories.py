"""Do ten thousand new histories in each run of the suite keep each invariant of `explanation/proof.md`?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interleave.beside import HISTORIES, PLACE, STOP_S
from tests.interleave.choices import told_again
from tests.interleave.history import play
from tests.interleave.mutants import MUTANTS
from tests.interleave.mutate import applied
from tests.interleave.scenarios import SCENARIOS, SHARES
from tests.interleave.world import World

FEWEST = 1_000  # of a machine that can hardly play beside the suite
ONCE = json.loads(Path(__file__).with_name("regressions.json").read_text(encoding="utf-8"))
# what must have happened somewhere, or the campaign was about nothing
MUST_REACH = {
    "emission: emitted",
    "emission: skipped",
    "emission: moved",
    "emission: early",
    "emission: stale",
    "emission: flushed",
    "emission: rolled back",
    "programs: of a program",
    "programs: behind",
    "programs: update: True",
    "programs: delete: True",
    "programs: pause: True",
    "locks: held",
    "locks: queued",
    "locks: busy",
    "locks: force done",
    "locks: abandon done",
    "shares: enter held",
    "shares: enter queued",
    "shares: enter busy",
    "shares: several",
    "shares: force done",
    "shares: abandon done",
    "several: held",
    "several: enter held",
    "quorum: held",
    "quorum: busy",
    "quorum: forgot",
    "quorum: abandon done",
    "queue: again",
    "queue: fenced",
    "queue: recovered",
    "queue: alive",
    "queue: released",
    "operators: redrive",
    "operators: discard",
    "operators: purge",
    "operators: paused",
    "operators: resumed",
    "once: stored",
    "once: refused",
    "once: existing",
    "parking: parked",
    "parking: woken",
    "effects: replayed",
    "effects: Fenced",
    "effects: LeaseLost",
    "effects: Broken",
}


@pytest.mark.timeout(STOP_S * 3)
def test_histories_with_a_new_seed(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """It was begun when the suite was (`conftest.py`), and this test is its last."""
    tally = request.config.stash[PLACE].wait(STOP_S * 2)
    shown = json.dumps(tally)
    record_property("histories", f"{tally['total']}, seed {tally['seed']}, {len(tally['broken'])} broken")
    print(shown)
    assert not tally["broken"], "\n\n".join(f"{one['text']}\nsee {one['page']}" for one in tally["broken"])
    assert tally["total"] >= min(HISTORIES, FEWEST) * 0.9, shown
    played = {what for what in MUST_REACH if what.split(":")[0] in tally["histories"]}
    missed = played - set(tally["reached"])
    few = tally["total"] < FEWEST * 5  # a busy machine; what is rare need not have come
    assert not missed or few, f"never happened: {missed} in {shown}"


@pytest.mark.parametrize("once", ONCE, ids=[one["name"] for one in ONCE])
def test_a_history_that_once_broke_an_invariant(once, world) -> None:
    told = play(world, SCENARIOS[once["scenario"]], once["seed"], told_again(once["choices"]))
    assert told.violation is None


@pytest.mark.parametrize("once", ONCE, ids=[one["name"] for one in ONCE])
def test_the_same_history_breaks_it_when_the_bug_is_back(once, world) -> None:
    (bug,) = [mutant for mutant in MUTANTS if mutant.name == once["mutant"]]
    with applied(bug):
        told = play(world, SCENARIOS[once["scenario"]], once["seed"], told_again(once["choices"]))
    assert told.violation is not None
    assert told.violation.name in bug.caught_by


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_seed_tells_the_same_history_again(scenario, world) -> None:
    first = play(world, SCENARIOS[scenario], 77)
    again = play(world, SCENARIOS[scenario], 77, keep_trace=True)
    told = play(world, SCENARIOS[scenario], 77, first.choices, keep_trace=True)
    assert first.choices == again.choices == told.choices
    assert [(line.at_ms, line.who) for line in again.trace] == [(line.at_ms, line.who) for line in told.trace]


@pytest.mark.parametrize("scenario", [name for name, one in SCENARIOS.items() if not one.ends_exactly])
def test_where_no_clock_can_be_preloaded(scenario) -> None:
    """Then the scripts ask a key for the time, and leases are aged by hand, to within milliseconds."""
    world = World(preload=False)
    try:
        assert not world.preloaded
        for seed in range(10):
            assert play(world, SCENARIOS[scenario], seed).violation is None, seed
    finally:
        world.close()


def test_every_scenario_has_a_share() -> None:
    assert set(SHARES) == set(SCENARIOS)
    assert sum(SHARES.values()) == pytest.approx(1.0)
