"""Which process serves the data: one of ours, or one that an earlier `up` left behind?

Both are seen through the same four methods, so that the store asks no question twice.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from onebeat import die_with_parent
from onebeat.embedded import probe
from onebeat.embedded.held_file import HeldFile
from onebeat.embedded.part import End, end_of


class Server(Protocol):
    """A running server; no method waits."""

    note: str  # what is special about it, for people

    def ended(self) -> End | None:
        """How it ended; None while it lives."""

    def ask_to_stop(self) -> None:
        """Let it write everything and exit."""

    def cut(self) -> None:
        """Kill it; what it acknowledged is in the AOF."""


class OwnServer:
    """A child of this process, in a session of its own so that a Ctrl-C does not reach it."""

    note = ""

    def __init__(self, binary: Path, settings: Path, log: Path, lock: HeldFile) -> None:
        self._log = log
        with log.open("ab") as sink:
            self._log_start = sink.tell()
            self._process = subprocess.Popen(  # noqa: S603 - the server just examined, no shell
                die_with_parent.command([str(binary), str(settings)], signal.SIGTERM),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                pass_fds=(lock.fileno(),),  # whoever has the data open holds the lock
                start_new_session=True,
            )

    def ended(self) -> End | None:
        """Its exit code and last words; what it had forked to rewrite the AOF is gone too."""
        returncode = self._process.poll()
        if returncode is None:
            return None
        self._kill_group()
        end = end_of(returncode)
        return end if returncode <= 0 else End(f"{end.text}: {self._last_words()}")

    def ask_to_stop(self) -> None:
        self._process.terminate()

    def cut(self) -> None:
        if self._process.poll() is None:
            self._kill_group()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _last_words(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").strip().splitlines()
        return " / ".join(line.strip() for line in lines[-3:]) or f"see {self._log}"


class FoundServer:
    """Not a child, so its end is seen by the lock that it lets go."""

    note = ", was still running"

    def __init__(self, socket: Path, lock: HeldFile) -> None:
        self._socket = socket
        self._lock = lock

    def ended(self) -> End | None:
        if not self._lock.take():
            return None
        self._lock.give()
        return End("(found running) is gone")

    def ask_to_stop(self) -> None:
        probe.ask(self._socket, "SHUTDOWN")

    def cut(self) -> None:
        pid = probe.listener_pid(self._socket)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
