"""With which settings does the private store run? Pure.

The promises name the conditions: nothing acknowledged is lost (AOF), nothing is evicted, nobody else
can reach it (no TCP port, a socket for its owner only).
"""

from __future__ import annotations

from pathlib import Path

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def settings(*, socket: Path, data: Path, log: Path) -> str:
    """The configuration file, readable by Redis 6.2 and everything newer."""
    rows = (
        ("port", "0"),
        ("unixsocket", _quoted(socket)),
        ("unixsocketperm", "700"),
        ("dir", _quoted(data)),
        ("logfile", _quoted(log)),
        ("daemonize", "no"),
        ("always-show-logo", "no"),
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
        ("save", '""'),  # the AOF holds everything; snapshots would only write it twice
        ("maxmemory-policy", "noeviction"),
    )
    return "".join(f"{name} {value}\n" for name, value in rows)


def _quoted(path: Path) -> str:
    return '"' + "".join(_ESCAPES.get(char, char) for char in str(path)) + '"'
