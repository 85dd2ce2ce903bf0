"""How do ten thousand histories cost the suite no time? They are played beside it, at lowest priority.

The suite leaves about a third of two cores idle, for it waits for real leases and real clocks. What plays is
a process of its own. It holds a lock on the file of what it found for as long as it lives, so that whoever
waits for it, in whichever process of a suite on several cores, knows when it is over, however it ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from onebeat import die_with_parent
from tests.interleave.mutate import ROOT

HISTORIES = int(os.environ.get("ONEBEAT_HISTORIES", "10000"))
STOP_S = 600.0
LOOK_S = 0.2
END_S = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the run of the suite named `run` keeps what was found."""

    run: str

    @property
    def found(self) -> Path:
        return Path(tempfile.gettempdir()) / f"onebeat-histories-{self.run}.json"

    @property
    def said(self) -> Path:
        """What the campaign wrote for people: its seed, tracebacks."""
        return self.found.with_suffix(".txt")

    def wait(self, within_s: float) -> dict[str, Any]:
        """The summary of the campaign, when it is over.

        Raises:
            AssertionError: it goes on for longer than that, or ended without a summary.
        """
        until = time.monotonic() + within_s
        with open(self.found, encoding="utf-8") as found:
            while not _free(found):
                assert time.monotonic() < until, f"still playing: {self.said.read_text(encoding='utf-8')}"
                time.sleep(LOOK_S)
            told = found.read()
        assert told, f"no summary: {self.said.read_text(encoding='utf-8')}"
        summary: dict[str, Any] = json.loads(told)
        return summary

    def forget(self) -> None:
        self.found.unlink(missing_ok=True)
        self.said.unlink(missing_ok=True)


PLACE = pytest.StashKey[Place]()


def start(place: Place, histories: int, stop_s: float) -> subprocess.Popen[bytes]:
    """Play up to `histories`, in at most `stop_s` seconds; from the main thread only (`die_with_parent`)."""
    words = [sys.executable, "-m", "tests.interleave", "--histories", str(histories)]
    words += ["--hours", str(stop_s / 3600)]
    with open(place.found, "wb") as found, open(place.said, "wb") as said:
        fcntl.flock(found, fcntl.LOCK_EX)  # what is inherited, it and its children hold on to
        return subprocess.Popen(
            die_with_parent.command(["nice", "-n", "19", *words], signal.SIGTERM),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=found,
            stderr=said,
        )


def end(playing: subprocess.Popen[bytes]) -> None:
    """Return when it is gone, which it is already unless the run was cut short."""
    if playing.poll() is None:
        playing.send_signal(signal.SIGTERM)
    try:
        playing.wait(END_S)
    except subprocess.TimeoutExpired:
        playing.kill()
        playing.wait()


def _free(found: IO[str]) -> bool:
    try:
        fcntl.flock(found, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
