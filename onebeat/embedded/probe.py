"""Does the private store answer, and who is it?

Asked over a bare socket: redis-py's own retries take seconds to say that nobody is there, and a
supervisor needs to know within milliseconds, many times.
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

WITHIN_S = 0.5
_UCRED = struct.Struct("3i")  # pid, uid, gid


def ask(path: Path, words: str, within_s: float = WITHIN_S) -> str | None:
    """The reply to one inline command, its type byte included (`+PONG`, `-LOADING …`, `$…`).

    None when nobody listens, or no whole reply came within `within_s` seconds per read.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(within_s)
        try:
            link.connect(str(path))
            link.sendall(f"{words}\r\n".encode())
            return _reply(link)
        except OSError:
            return None


def facts(path: Path) -> dict[str, str]:
    """What `INFO server` says; empty when the store does not answer."""
    reply = ask(path, "INFO server") or ""
    lines = (line.partition(":") for line in reply.splitlines())
    return {name: value for name, colon, value in lines if colon}


def listener_pid(path: Path) -> int | None:
    """Who listens, as this process numbers it: a server in a container numbers itself otherwise."""
    if sys.platform != "linux":
        said = facts(path).get("process_id")
        return int(said) if said else None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(WITHIN_S)
        try:
            link.connect(str(path))
            ucred = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        except OSError:
            return None
    pid: int = _UCRED.unpack(ucred)[0]
    return pid or None


def _reply(link: socket.socket) -> str | None:
    """One simple or bulk reply; None when the server hung up in the middle."""
    received = b""
    wanted = 0  # bytes, known when the first line is complete
    while not wanted or len(received) < wanted:
        chunk = link.recv(65536)
        if not chunk:
            return None
        received += chunk
        first, end, _ = received.partition(b"\r\n")
        if end:
            body = int(first[1:]) + 2 if first[:1] == b"$" else 0
            wanted = len(first) + 2 + body
    return received[:wanted].decode(errors="replace").strip()
