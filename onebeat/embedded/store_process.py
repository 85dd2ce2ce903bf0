"""How does the private store start, stop and come back?

The server inherits the descriptor of `store.lock`, so that lock says whether *any* server has the
data open: one that a killed supervisor left behind is adopted, and never is a second one started on
the same files.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.parse import quote

from onebeat.clock import SYSTEM, Clock
from onebeat.embedded import lineage, probe, store_settings
from onebeat.embedded.binary import Binary, find_binary
from onebeat.embedded.held_file import HeldFile
from onebeat.embedded.home import Home
from onebeat.embedded.part import End
from onebeat.embedded.records import replace_json, replace_text
from onebeat.embedded.server import FoundServer, OwnServer, Server
from onebeat.errors import Refused, StoreError
from onebeat.failpoints import reach

SILENCE_MAX_S = 30.0  # without any answer; a server that reads a large file answers LOADING
STOP_S = 10.0
KILL_S = 5.0  # from SIGKILL to the end
LOG_MAX = 1 << 20  # bytes; a longer log is set aside at the next start
_LOOK_S = 0.005


class StoreProcess:
    """The server of one `.onebeat/`: a part of the supervisor, and usable alone by `start` and `stop`.

    Start it from the main thread: it dies with the thread that started it (`die_with_parent`).
    """

    name = "store"

    def __init__(
        self,
        home: Path,
        *,
        binary: Binary | None = None,
        clock: Clock = SYSTEM,
        silence_max_s: float = SILENCE_MAX_S,
    ) -> None:
        self.home = Home(home)
        self.socket = self.home.socket
        self.pid: int | None = None  # of the server that answered last
        self._binary = binary
        self._clock = clock
        self._silence_max_s = silence_max_s
        self._lock = HeldFile(self.home.store_lock)
        self._server: Server | None = None
        self._end: End | None = None
        self._served = False  # has it ever answered?
        self._heard_s = 0.0  # monotonic, of the launch or the last answer

    @property
    def url(self) -> str:
        """Where the store is, as `--redis` takes it."""
        return f"unix://{quote(str(self.socket))}"

    def start(self) -> None:
        """Return when the store answers.

        Raises:
            StoreError: it died, or did not answer for `silence_max_s`.
            Refused: its data was written by another or a newer server, or a store that does not
                answer has it open.
            ConfigError: no server can be run on this machine.
        """
        self._served = False
        self.launch()
        while self.readiness() is None:
            end = self.ended()
            if end is not None and end.hopeless:
                raise StoreError(f"the private store {end.text}")
            if end is not None:  # found while it was on its way out
                self.launch()
            time.sleep(_LOOK_S)

    def stop(self) -> None:
        """Return when the store has written everything and is gone; it is killed after `STOP_S`.

        Raises:
            StoreError: not even killing it helped.
        """
        if self._server is None:
            return
        self.ask_to_stop()
        if not self._gone_in(STOP_S):
            self.cut()
            if not self._gone_in(KILL_S):
                raise StoreError(f"the private store (pid {self.pid}) cannot be killed")

    def restart(self) -> None:
        """Stop, then start at the same place with the same data."""
        self.stop()
        self.start()

    def launch(self) -> None:
        """Start a server, or look for the one that still runs; `readiness` tells when it answers."""
        self._binary = self._binary or find_binary()
        self.home.make()
        self._server = self._end = None
        self._heard_s = self._clock.mono_s()
        self._start_or_adopt(self._binary)

    def readiness(self) -> str | None:
        """Which server answers, and where its data is.

        Raises:
            StoreError: the server does not answer for too long.
            Refused: so does one that we did not start.
        """
        if self._server is None and self._binary is not None:
            self._start_or_adopt(self._binary)
        reply = probe.ask(self.socket, "PING") if self._server else None
        said = probe.facts(self.socket) if reply == "+PONG" else {}
        if self._server is not None and said:
            return self._welcome(said) + self._server.note
        now_s = self._clock.mono_s()
        if reply is not None:
            self._heard_s = now_s
        elif now_s - self._heard_s > self._silence_max_s:
            self._complain()
        return None

    def ended(self) -> End | None:
        """How the server ended. One that never answered will not do so when started again."""
        if self._end is None and self._server is not None:
            end = self._server.ended()
            if end is not None:
                self.home.record.unlink(missing_ok=True)
                ours = isinstance(self._server, OwnServer)
                self._end = End(end.text, hopeless=ours and not self._served)
        return self._end

    def ask_to_stop(self) -> None:
        """Let it write everything and exit."""
        if self._server is None:
            self._end = End("was not started")
        elif self._end is None:
            self._server.ask_to_stop()

    def cut(self) -> None:
        """Kill it; what it acknowledged is in the AOF."""
        if self._server is not None and self._end is None:
            self._server.cut()

    def _start_or_adopt(self, binary: Binary) -> None:
        if self._lock.take():
            try:
                self._server = self._spawn(binary)
                reach("store.spawned")
            finally:
                self._lock.give()  # the server holds it now
            return
        for socket in (self._recorded_socket(), self.home.socket):
            if socket is not None and probe.ask(socket, "PING") is not None:
                self.socket, self._server = socket, FoundServer(socket, self._lock)
                return

    def _spawn(self, binary: Binary) -> OwnServer:
        home, self.socket = self.home, self.home.socket
        lineage.admit(home.engine, binary)
        replace_text(home.settings, store_settings.settings(socket=self.socket, data=home.data, log=home.log))
        if home.log.exists() and home.log.stat().st_size > LOG_MAX:
            home.log.replace(home.log.with_name(f"{home.log.name}.1"))
        return OwnServer(binary.path, home.settings, home.log, self._lock)

    def _welcome(self, said: dict[str, str]) -> str:
        """Publish the store for everyone who looks for it (`onebeat.wire.locate`)."""
        engine = said.get("server_name") or "redis"
        version = said.get(f"{engine}_version") or said["redis_version"]
        self.pid = probe.listener_pid(self.socket) or int(said["process_id"])
        self._served = True
        started_ms = self._clock.wall_ms() - 1000 * int(said["uptime_in_seconds"])
        replace_json(
            self.home.record,
            {
                "pid": self.pid,
                "socket": str(self.socket),
                "engine": engine,
                "version": version,
                "started_ms": started_ms,
            },
        )
        reach("store.recorded")
        return f"{engine} {version}, data in {self.home.data}"

    def _recorded_socket(self) -> Path | None:
        """Where the store that still runs was put; TMPDIR may have been another one then."""
        try:
            return Path(json.loads(self.home.record.read_text(encoding="utf-8"))["socket"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # it was killed before it was recorded

    def _complain(self) -> None:
        if isinstance(self._server, OwnServer):
            self.cut()
            raise StoreError(f"the private store does not answer at {self.socket}: see {self.home.log}")
        raise Refused(
            f"a server has {self.home.data} open but does not answer (started by pid "
            f"{self._lock.holder()}): end it, then try again"
        )

    def _gone_in(self, within_s: float) -> bool:
        until_s = self._clock.mono_s() + within_s
        while self.ended() is None:
            if self._clock.mono_s() > until_s:
                return False
            time.sleep(_LOOK_S)
        return True
