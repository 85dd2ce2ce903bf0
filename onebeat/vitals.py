"""Is this process alive, ready, and the leader? What it says of itself over HTTP.

`/livez` is well while the process goes round its loop, whether the store answers or not: a restart mends no
store. `/readyz` is well while its last good pass is fresh, `/leader` while it leads. All answer 200 or
503 with a line of JSON. A thread of its own serves them, so a pass that hangs is seen from outside.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from onebeat.clock import SYSTEM, Clock
from onebeat.errors import ConfigError

LIVE_S = 60.0  # without a turn of the loop for so long, a process hangs
READY_S = 5.0  # without a good pass for so long, it does not do its work
LOOPBACK = "127.0.0.1"


class Vitals:
    """What a process notes of itself; any thread may read it."""

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._turned_s = clock.mono_s()
        self._good_s: float | None = None
        self.leads = False
        self.note = ""  # what is wrong although it goes on, such as a configuration that was refused

    def turned(self, *, good: bool) -> None:
        """The loop went round; `good` when it did its work."""
        self._turned_s = self._clock.mono_s()
        if good:
            self._good_s = self._turned_s

    def report(self, path: str) -> tuple[bool, dict[str, Any]] | None:
        """Whether that is well, and the facts; None for a path that there is not."""
        now_s, good_s = self._clock.mono_s(), self._good_s
        fresh = good_s is not None and now_s - good_s <= READY_S
        answers = {
            "/livez": now_s - self._turned_s <= LIVE_S,
            "/readyz": fresh,
            "/leader": fresh and self.leads,
        }
        if path not in answers:
            return None
        age_s = None if good_s is None else round(now_s - good_s, 3)
        facts = {"ok": answers[path], "last_good_pass_s": age_s, "leads": self.leads}
        return answers[path], facts | ({"note": self.note} if self.note else {})


class VitalsServer:
    """Serves `vitals` at `host`:`port` (0: a free one) until it is closed."""

    def __init__(self, vitals: Vitals, host: str, port: int) -> None:
        class Handler(_Handler):
            report = staticmethod(vitals.report)

        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        kind = type("Server", (_Server,), {"address_family": family})
        try:
            self._server = kind((host, port), Handler)
        except OSError as problem:
            raise ConfigError(f"health: cannot listen on {host} port {port}: {problem.strerror}") from None
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True, name="onebeat-health").start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Handler(BaseHTTPRequestHandler):
    report: Callable[[str], tuple[bool, dict[str, Any]] | None]
    timeout = 5.0  # of a connection that says nothing
    server_version, sys_version = "onebeat", ""

    def do_GET(self) -> None:
        found = self.report(self.path.partition("?")[0])
        status, facts = (404, {"ok": False}) if found is None else (200 if found[0] else 503, found[1])
        text = json.dumps(facts).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(text)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """A probe every second is no news."""


def parse_address(text: str) -> tuple[str, int]:
    """`8900` (on this machine only), `0.0.0.0:8900` or `[::]:8900` as host and port.

    Raises:
        ConfigError: it is none of these.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or LOOPBACK
    if not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ConfigError(
            f"health address {text[:60]!r}: write a port such as 8900, or 0.0.0.0:8900 for everybody"
        )
    return host, int(port)
