"""Is every failpoint of the table in the code, reached by a run, and does it do what it says?"""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from onebeat import failpoints
from onebeat.errors import ConfigError
from onebeat.failpoints import NOTES, POINTS, Armed, Reached, armed, parse
from onebeat.keys import queue_keys
from onebeat.ledger import open_engine
from onebeat.queue.liveness import beat
from onebeat.wire import Store
from tests.chaos.tasks import METADATA
from tests.house.sources import python_files, tree
from tests.worker.running import REPOSITORY, children_of, until

CONFIG = """
schedules:
  plain: {task: 'tests.chaos.tasks:scheduled', every: 1s}
  far: {task: 'tests.chaos.tasks:computed', every: 1s}
  single: {task: 'tests.chaos.tasks:count', every: 1s, singleton: {key: one}}
"""


CHAIN = """
from onebeat import chain
from tests.chaos.tasks import follows, scheduled
chain(scheduled.s(), follows.s()).delay()
"""


def test_the_table_names_what_the_code_reaches() -> None:
    found = Counter(
        node.args[0].value
        for path in python_files("onebeat")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "reach"
        and isinstance(node.args[0], ast.Constant)
    )
    assert set(found) == set(POINTS)
    assert max(found.values()) == 1, "a name is one place"
    assert len(POINTS) >= 25


def test_every_point_is_reached_by_one_life_of_everything(tmp_path: Path) -> None:
    notes, config = tmp_path / "notes", tmp_path / "onebeat.yaml"
    notes.mkdir()
    config.write_text(CONFIG)
    env = {**os.environ, NOTES: str(notes), "PYTHONPATH": str(REPOSITORY)}
    env |= {"ONEBEAT_DB_URL": f"sqlite:///{tmp_path / 'chaos.db'}"}
    engine = open_engine(env["ONEBEAT_DB_URL"])
    METADATA.create_all(engine)
    engine.dispose()
    onebeat = [sys.executable, "-m", "onebeat"]
    with open(tmp_path / "log", "wb") as log:
        up = subprocess.Popen(
            [*onebeat, "up", "-c", str(config)], cwd=tmp_path, env=env, stdout=log, stderr=log
        )
    try:
        until(lambda: (notes / "cycle.ready").exists(), "a run is over")
        until(lambda: (notes / "runner.ended").exists(), "one in its own process is over")
        record = json.loads((tmp_path / ".onebeat" / "store.json").read_text())
        url = f"unix://{record['socket']}"
        calls = {**env, "ONEBEAT_REDIS_URL": url}
        subprocess.run([sys.executable, "-c", CHAIN], cwd=tmp_path, env=calls, check=True, timeout=90)
        until(lambda: (notes / "relay.told").exists(), "what follows is told to its queue")
        with Store.open(url) as store:
            keys = queue_keys("onebeat", "default")
            store.run(beat(keys, ["ghost:1.0:x"], lease_ms=1, join=True, within_s=5))
        subprocess.run(
            [*onebeat, "enqueue", "tests.chaos.tasks:scheduled"],
            cwd=tmp_path,
            env=env,
            check=True,
            timeout=90,
        )
        until(lambda: (notes / "liveness.recovering").exists(), "the dead worker is found")
        worker = next(pid for pid in children_of(up.pid) if children_of(pid) and _is_worker(pid))
        (notes / "run.claimed").unlink()
        os.kill(children_of(worker)[0], signal.SIGKILL)
        until(lambda: (notes / "supervisor.bereft").exists(), "the end of a worker process is seen")
        until(lambda: (notes / "run.claimed").exists(), "another one works")
        up.terminate()
        assert up.wait(90) == 0, (tmp_path / "log").read_text()
    finally:
        up.kill()
        up.wait()
    assert {path.name for path in notes.iterdir()} == set(POINTS)


def _is_worker(pid: int) -> bool:
    return b"\0worker\0" in Path(f"/proc/{pid}/cmdline").read_bytes()


_REACH = "from onebeat.failpoints import reach; [reach('emit.sent') for _ in range(3)]; print('alive')"


def _run(trap: str, notes: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, failpoints.ARMED: trap} | ({NOTES: str(notes)} if notes else {})
    command = [sys.executable, "-c", _REACH]
    return subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, timeout=90)


@pytest.mark.parametrize(
    ("trap", "status"),
    [
        ("", 0),
        ("emit.sent:kill", -signal.SIGKILL),
        ("emit.sent:kill:3", -signal.SIGKILL),
        ("emit.sent:kill:4", 0),
        ("emit.sent:exit", failpoints.EXIT_STATUS),
        ("emit.sent:raise", 1),
        ("emit.planned:kill", 0),
    ],
)
def test_actions(trap: str, status: int) -> None:
    ended = _run(trap)
    assert ended.returncode == status
    assert ("alive" in ended.stdout) == (status == 0)
    assert ("failpoint emit.sent" in ended.stderr) == ("raise" in trap)


def test_a_stopped_process_can_be_continued() -> None:
    env = {**os.environ, failpoints.ARMED: "emit.sent:stop"}
    process = subprocess.Popen([sys.executable, "-c", _REACH], env=env, cwd=REPOSITORY)
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.wait(90) == 0
    finally:
        process.kill()
        process.wait()


def test_with_notes_a_trap_acts_once_among_all_processes(tmp_path: Path) -> None:
    assert _run("emit.sent:kill", tmp_path).returncode == -signal.SIGKILL
    assert _run("emit.sent:kill", tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"emit.sent", "emit.sent.fired"}


def test_sleep_takes_its_time() -> None:
    point = Armed(parse("emit.sent:sleep=0.05:2"), None)
    point("emit.sent")
    started_s = time.monotonic()
    point("emit.sent")
    assert time.monotonic() - started_s >= 0.05


def test_raise_is_an_exception_that_nobody_foresaw() -> None:
    with pytest.raises(Reached, match=r"emit\.sent"):
        Armed(parse(" emit.sent:raise "), None)("emit.sent")


@pytest.mark.parametrize(
    "text", ["nowhere:kill", "emit.sent", "emit.sent:die", "emit.sent:kill:x", "emit.sent:sleep=a"]
)
def test_what_cannot_be_meant_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="ONEBEAT_FAILPOINT"):
        parse(text)


def test_nothing_is_armed_in_a_process_that_nobody_tests() -> None:
    assert armed({}) is failpoints._nothing
    assert failpoints.reach is failpoints._nothing, "the tests themselves run without"
