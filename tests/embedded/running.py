"""How does a test watch real processes: wait for what must come, and see that they are gone?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
HERE = Path(__file__).parent
WITHIN_S = 90.0


def awaited(condition: Callable[[], T], what: str, within_s: float = WITHIN_S) -> T:
    """The first truthy answer of `condition`."""
    until_s = time.monotonic() + within_s
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < until_s, f"not within {within_s:g} s: {what}"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    """Whether no process runs under this pid; one that only waits to be reaped does not run."""
    seen = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return not seen.stdout.strip() or seen.stdout.startswith("Z")


class Up:
    """`run_up` in a process of its own, as a terminal would start it: leader of its process group."""

    def __init__(self, folder: Path, *modes: str, grace_s: float = WITHIN_S) -> None:
        self.home = folder / ".onebeat"
        self.log = folder / "children.log"
        self.log.touch()
        self.printed = folder / f"printed-{time.monotonic_ns()}"
        names = ("beat", "worker")[: len(modes)]
        children = [
            {"name": name, "argv": [sys.executable, str(HERE / "fake_child.py"), name, str(self.log), mode]}
            for name, mode in zip(names, modes, strict=True)
        ]
        with self.printed.open("wb") as printed:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    str(HERE / "up_here.py"),
                    str(self.home),
                    str(grace_s),
                    json.dumps(children),
                ],
                stdout=printed,
                stderr=printed,
                start_new_session=True,
                cwd=HERE.parents[1],
            )

    def lines(self) -> list[str]:
        """What it has printed."""
        return self.printed.read_text(errors="replace").splitlines()

    def says(self, text: str, times: int = 1) -> Up:
        """Wait for lines that contain `text`."""
        awaited(lambda: sum(text in line for line in self.lines()) >= times, f"{text!r} in {self.lines()}")
        return self

    def ready(self) -> Up:
        """Wait until every child is."""
        return self.says("ready: as", 2)

    def notes(self) -> list[str]:
        """What the children noted, in order."""
        return self.log.read_text().splitlines()

    def noted(self, text: str, times: int = 1) -> list[str]:
        """Wait for notes that begin with `text`, and give them."""

        def found() -> list[str]:
            return [line for line in self.notes() if line.startswith(text)]

        return awaited(lambda: found() if len(found()) >= times else [], f"{text!r} in {self.notes()}")

    def pids(self, text: str = "") -> list[int]:
        """The processes that the children noted, or the last of those whose note begins with `text`."""
        return [
            int(line.split()[2])
            for line in self.notes()
            if line.startswith(text) and line.split()[1] in ("pid", "child")
        ]

    def store_pid(self) -> int:
        """The server that `store.json` tells of; 0 while it tells of none."""
        try:
            return int(json.loads((self.home / "store.json").read_text())["pid"])
        except FileNotFoundError:
            return 0

    def send(self, signum: signal.Signals) -> Up:
        self.process.send_signal(signum)
        return self

    def code(self) -> int:
        """Wait for its end."""
        return self.process.wait(WITHIN_S)

    def sweep(self) -> None:
        """End whatever a failed test leaves."""
        pids = [*self.pids(), self.store_pid()]
        self.process.kill()
        self.process.wait(WITHIN_S)
        for pid in filter(None, pids):
            if not gone(pid):
                os.kill(pid, signal.SIGKILL)
