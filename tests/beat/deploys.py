"""How do tests run beats on files that change, and see what was emitted?"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from onebeat.keys import queue_keys
from onebeat.ready import READY_FD
from onebeat.wire import Command, Store
from tests.cli.commands import spawn

WITHIN_S = 60.0
_EMITTED = re.compile(rb'"event":"emitted".*?"schedule":"([^"]+)".*?"nominal_ms":(\d+)')


def until(done: Callable[[], object], what: str) -> None:
    """Wait for a condition; the machine may be slow, so long is allowed."""
    end_s = time.monotonic() + WITHIN_S
    while not done():
        assert time.monotonic() < end_s, f"it did not happen in {WITHIN_S:g} s: {what}"
        time.sleep(0.05)


@contextmanager
def beat_on(path: Path, store: Store, url: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A beat process on the file at `path`, from the moment on at which it is ready."""
    reading, writing = os.pipe()
    env = {
        READY_FD: str(writing),
        "ONEBEAT_REDIS_URL": url,
        "ONEBEAT_NAMESPACE": store.namespace,
        "ONEBEAT_DB_URL": f"sqlite:///{path.with_suffix('.db')}",
    }
    log = path.with_suffix(".log").open("a")
    process = spawn("beat", "-c", str(path), *words, stdout=log, stderr=log, env=env, pass_fds=(writing,))
    os.close(writing)
    try:
        with os.fdopen(reading) as announced:
            said = announced.readline()
            assert said.startswith("ready"), path.with_suffix(".log").read_text()
        yield process
    finally:
        process.kill()
        process.wait(WITHIN_S)
        log.close()


class Seen:
    """What the event logs of a namespace say was emitted."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def nominals(self, *ids: str) -> list[int]:
        """The nominal times of these schedules in the order of their times; each as often as emitted."""
        found = []
        for queue in ("default", "other"):
            entries = self.store.perform(
                Command(("XRANGE", queue_keys(self.store.namespace, queue).log, "-", "+"))
            )
            for _, fields in entries:
                for id_, nominal in _EMITTED.findall(fields[b"e"]):
                    if id_.decode() in ids:
                        found.append(int(nominal))
        return sorted(found)

    def more_of(self, id_: str, count: int = 3) -> None:
        """Wait until a schedule fired `count` more times."""
        before = len(self.nominals(id_))
        until(lambda: len(self.nominals(id_)) >= before + count, f"{id_} fires {count} more times")


def assert_whole(nominals: list[int], step_ms: int) -> None:
    """Each time on the grid from the first to the last, once."""
    assert len(nominals) > 3
    assert nominals == list(range(nominals[0], nominals[-1] + step_ms, step_ms))
