"""Two beats, two workers, 50 schedules; a beat and a worker are killed: each time runs once."""

from __future__ import annotations

from pathlib import Path

from examples.tally import Seen, Tally
from examples.two_beats import trial
from onebeat.ledger import Run

SECONDS = 18.0


def test_a_killed_beat_and_a_killed_worker_cost_nothing(tmp_path: Path) -> None:
    tally = trial(tmp_path, SECONDS)
    assert not tally.violations
    assert tally.nominals > 250, "a run in which nothing was due proves nothing"
    # How long (promised: one and five seconds) is measured by `python -m examples.two_beats`; on a machine
    # that runs tests, and stands still when it likes, it can only be seen that somebody took over at all.
    assert tally.emission_gap_ms < 60_000
    assert tally.restart_delay_ms < 60_000


def test_the_tally_sees_what_is_wrong() -> None:
    """Its killers: a plan of three times of which one is missing, one doubled, one skipped."""
    history = [
        Run("n", "a@1000", "q", 1000, state="done"),
        Run("n", "a@2000", "q", 2000, state="skipped", reason="overlap"),
        Run("n", "b@1500", "q", 1500, state="done"),
    ]
    seen = Seen([("a@1000", 1001), ("a@1000", 1002)], history, ["a@1000", "a@3000"])
    tally = Tally.of({"a": 1}, (1000, 4000), seen, beat_died_ms=0, worker_died_ms=0, held=frozenset())
    assert (tally.nominals, tally.missing, tally.doubled) == (4, 3, 1)
    assert {one.partition(":")[0] for one in tally.violations} == {
        "nominal time without a run or a row",
        "run with two emissions or two rows",
        "run that no schedule asked for",
        "row without a run that is done, or the other way round",
        "run that is not done",
        "the worker held nothing when it was killed",
    }
