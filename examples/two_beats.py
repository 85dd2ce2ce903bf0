"""Does every scheduled time run once while beats and workers are killed? Try it and print the table.

    python -m examples.two_beats --seconds 60

Starts a private store, two beats and two workers on 50 schedules, kills the leading beat and a worker
that holds messages (SIGKILL, the whole process group), and then compares what should have run, by
arithmetic alone, with the history and with the rows that the runs wrote. Exits with 1 on a difference.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, select

from examples.one_row import METADATA, ROWS
from examples.tally import Seen, Tally
from onebeat import die_with_parent
from onebeat.embedded import StoreProcess
from onebeat.keys import queue_keys
from onebeat.ledger import Historian, create_tables, open_engine, runs
from onebeat.wire import Command, Store

REPOSITORY = Path(__file__).resolve().parents[1]
PERIODS_S = (1, 2, 3, 4, 5)
SCHEDULES = {f"every-{period_s}s-{n}": period_s for period_s in PERIODS_S for n in range(10)}
NAMESPACE = "onebeat"
KEYS = queue_keys(NAMESPACE, "default")
PATIENCE_S = 90.0
CALM_S = 1.0  # at both ends of the judged stretch, so that start and stop are not part of it


class Cluster:
    """A store, a database, and the processes that were started on them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._home = StoreProcess(folder / ".onebeat")
        self.engine: Engine = open_engine(f"sqlite:///{folder / 'two_beats.db'}")
        self._processes: list[subprocess.Popen[bytes]] = []

    @contextmanager
    def running(self) -> Iterator[Store]:
        """The store, the tables and the configuration; everything is ended afterwards."""
        create_tables(self.engine)
        METADATA.create_all(self.engine)
        self._config.write_text(configuration())
        self._home.start()
        try:
            with Store.open(self._home.url, NAMESPACE) as store:
                yield store
        finally:
            for process in self._processes:
                self.kill(process)
            self._home.stop()
            self.engine.dispose()

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """`onebeat WORDS…`, in a process group of its own."""
        env = {
            **os.environ,
            "ONEBEAT_REDIS_URL": self._home.url,
            "ONEBEAT_DB_URL": str(self.engine.url),
            "ONEBEAT_NAMESPACE": NAMESPACE,
        }
        command = [sys.executable, "-m", "onebeat", *words, "-c", str(self._config)]
        with open(self._folder / f"{words[0]}-{len(self._processes)}.log", "wb") as log:
            process = subprocess.Popen(
                die_with_parent.command(command, signal.SIGKILL),
                cwd=REPOSITORY,
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL to the process and all that it started."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def _config(self) -> Path:
        return self._folder / "two_beats.yaml"


def configuration() -> str:
    """Fifty schedules of one to five seconds; `allow`, so that no time may be skipped."""
    lines = ["defaults: {overlap: allow}", "schedules:"]
    lines += [
        f"  {id_}: {{task: 'examples.one_row:write_row', every: {period_s}s}}"
        for id_, period_s in SCHEDULES.items()
    ]
    return "\n".join(lines) + "\n"


def trial(folder: Path, seconds: float) -> Tally:
    """Run everything in `folder` for `seconds`, kill in the middle, and compare.

    Raises:
        TimeoutError: a part did not do its work; its log is in `folder`.
    """
    cluster = Cluster(folder)
    with cluster.running() as store:
        beats = [cluster.start("beat"), cluster.start("beat")]
        workers = [cluster.start("worker"), cluster.start("worker")]
        until(lambda: len(_cards(store, store.space.beats)) == 2, "two beats")
        until(lambda: store.perform(Command(("ZCARD", KEYS.lease))) == 2, "two workers")
        until(lambda: _rows(cluster.engine), "the first row")
        from_ms = _wall_ms() + round(CALM_S * 1000)
        time.sleep(seconds / 3)
        leader = _leader(store, beats)
        beat_died_ms = _wall_ms()
        cluster.kill(leader)
        time.sleep(seconds / 3)
        worker, held = _kill_holder(cluster, store, workers)
        worker_died_ms = _wall_ms()
        time.sleep(seconds / 3)
        to_ms = _wall_ms() - round(CALM_S * 1000)
        _stop([one for one in beats if one is not leader])
        until(lambda: not _unfinished(store), "the runs to end")
        _stop([one for one in workers if one is not worker])
        Historian(store, cluster.engine, NAMESPACE).catch_up(["default"])
        seen = Seen(_emissions(store), runs(cluster.engine, limit=1_000_000), _rows(cluster.engine))
    return Tally.of(
        SCHEDULES, (from_ms, to_ms), seen, beat_died_ms=beat_died_ms, worker_died_ms=worker_died_ms, held=held
    )


def until(probe: Callable[[], object], what: str) -> None:
    """Return when `probe` is true."""
    end_s = time.monotonic() + PATIENCE_S
    while not probe():
        if time.monotonic() > end_s:
            raise TimeoutError(f"waited {PATIENCE_S:g} s for {what}")
        time.sleep(0.01)


def _leader(store: Store, beats: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    token = store.perform(Command(("GET", store.space.leader)))
    pid = int(token.split(b":")[1])
    return next(one for one in beats if one.pid == pid)


def _kill_holder(
    cluster: Cluster, store: Store, workers: list[subprocess.Popen[bytes]]
) -> tuple[subprocess.Popen[bytes], frozenset[str]]:
    """Kill the first worker that is seen holding messages; which one, and what it held.

    It is stopped before the look, so that what is seen is what it dies with.
    """
    wids = {int(wid.split(":")[1].split(".")[0]): wid for wid in _cards(store, store.space.workers)}
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        for worker in workers:
            if not _held(store, wids[worker.pid]):
                continue
            os.killpg(worker.pid, signal.SIGSTOP)
            held = _held(store, wids[worker.pid])
            if held:
                cluster.kill(worker)
                return worker, held
            os.killpg(worker.pid, signal.SIGCONT)
    raise TimeoutError(f"no worker was seen at work for {PATIENCE_S:g} s")


def _held(store: Store, wid: str) -> frozenset[str]:
    fields = store.perform(Command(("HKEYS", KEYS.own(wid))))
    return frozenset(field.decode() for field in fields if field != b"#")


def _cards(store: Store, key: str) -> list[str]:
    return [field.decode() for field in store.perform(Command(("HKEYS", key)))]


def _unfinished(store: Store) -> int:
    counts = store.perform(Command(("HVALS", KEYS.live)))
    return sum(int(count) for count in counts)


def _emissions(store: Store) -> list[tuple[str, int]]:
    """(id, Redis ms) of every emission in the event log."""
    found: list[tuple[str, int]] = []
    for entry_id, fields in store.perform(Command(("XRANGE", KEYS.log, "-", "+"))):
        packed = fields[b"e"] if isinstance(fields, dict) else fields[1]  # redis-py 8, or older
        for line in packed.splitlines():
            told = json.loads(line)
            if told["event"] == "emitted":
                found.append((told["id"], int(entry_id.split(b"-")[0])))
    return found


def _rows(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(ROWS.c.run)))


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        if process.wait(PATIENCE_S) != 0:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def main() -> int:
    """The table; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long it runs [60]")
    seconds: float = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="two-beats-") as folder:
        tally = trial(Path(folder), seconds)
    print(tally.table())
    for violation in tally.violations:
        print(f"VIOLATION {violation}")
    return 1 if tally.violations else 0


if __name__ == "__main__":
    sys.exit(main())
