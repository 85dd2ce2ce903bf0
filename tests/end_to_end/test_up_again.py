"""`onebeat up`, stopped and started again in the same folder: the history and the schedules go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from onebeat import die_with_parent
from onebeat.ledger import counts, create_tables, open_engine
from tests.worker.running import PATIENCE_S, until

TASKS = """
from onebeat import task

@task
def tick() -> None:
    pass
"""
CONFIG = "schedules:\n  tick: {task: 'tasks:tick', every: 1s, overlap: allow, catch_up: {policy: all}}\n"


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ONEBEAT_")}


def start_up(folder: Path) -> subprocess.Popen[bytes]:
    with open(folder / "up.log", "ab") as log:
        argv = [sys.executable, "-m", "onebeat", "up"]
        return subprocess.Popen(
            die_with_parent.command(argv, signal.SIGTERM),
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=log,
        )


def told(folder: Path) -> set[int]:
    """The nominal seconds that ran, as `onebeat runs` tells them."""
    words = ("runs", "tick", "--limit", "1000", "--state", "done", "--json")
    command = [sys.executable, "-m", "onebeat", *words]
    asked = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, check=True)
    found = [int(one["id"].rpartition("@")[2]) // 1000 for one in json.loads(asked.stdout)["items"]]
    assert len(found) == len(set(found))
    return set(found)


def count_done(folder: Path) -> int:
    """How many of them, as the database tells."""
    if not (folder / ".onebeat" / "onebeat.db").exists():
        return 0
    engine = open_engine(f"sqlite:///{folder / '.onebeat' / 'onebeat.db'}")
    try:
        create_tables(engine)  # `up` may still be about to
        return counts(engine).get("done", 0)
    finally:
        engine.dispose()


def test_the_history_goes_on(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(TASKS)
    (tmp_path / "onebeat.yaml").write_text(CONFIG)
    before: set[int] = set()
    for _ in range(2):
        process = start_up(tmp_path)
        try:
            enough = len(before) + 2
            until(lambda enough=enough: count_done(tmp_path) >= enough, "two more runs")
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 0, (tmp_path / "up.log").read_text()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE_S)
        after = told(tmp_path)
        assert before <= after, "the second start forgot the first"
        before = after
    log = (tmp_path / "up.log").read_text()
    assert "Traceback" not in log
    # What fell due while nothing ran is run too, however long the start took: no second is missing.
    assert sorted(before) == list(range(min(before), max(before) + 1))
