"""Does a backfill feed a running worker a few times at once, to the end?"""

from __future__ import annotations

from pathlib import Path

from onebeat.app import App
from tests.cli.commands import onebeat, spawn

RANGE = ("--from", "2026-03-01T10:00", "--to", "2026-03-01T10:30")
PARALLEL = 2


def test_a_worker_runs_a_range_two_at_a_time(app: App, folder: Path) -> None:
    log = (folder / "worker.log").open("w")
    with log, spawn("worker", "-q", "reports", "--concurrency", "4", stdout=log, stderr=log) as worker:
        try:
            told = onebeat("backfill", "often", *RANGE, "--yes", "--parallel", str(PARALLEL), "--json")
        finally:
            worker.terminate()
    assert told.code == 0, told.err + (folder / "worker.log").read_text()
    assert told.json["ended"] == {"done": 6}
    assert "left alone: 6 done" in onebeat("backfill", "often", *RANGE, "--dry-run").err
    found = onebeat("runs", "often", "--json").json["items"]
    assert {one["reason"] for one in found} == {"backfill"}
    lives = [(one["emitted"], one["ended"]) for one in found]
    assert len(lives) == 6
    for queued, _ in lives:
        assert sum(sooner <= queued < over for sooner, over in lives) <= PARALLEL
