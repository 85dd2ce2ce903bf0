"""How is the store of a history asked, with as little as can be around each question? One connection.

A history asks its store a hundred times, and redis-py's part of each answer took longer than the store's.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Any

import hiredis

from onebeat.wire import failures

_WITHIN_S = 60
_READ_BYTES = 1 << 16


class NoScript(Exception):
    """The store does not know the script of an EVALSHA (any more)."""


class Line:
    """A connection to the store whose socket is at `path`."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        # the kernel waits for the answer; a timeout of Python's would ask it twice for each
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", _WITHIN_S, 0))
        self._reader = hiredis.Reader(replyError=_refused)

    def ask(self, *commands: tuple[Any, ...]) -> list[Any]:
        """The answer to each command, in one turn of the store; an error is an answer too.

        Raises:
            OSError: the store did not answer.
        """
        self._socket.sendall(b"".join(map(hiredis.pack_command, commands)))
        return [self._read() for _ in commands]

    def _read(self) -> Any:
        answer = self._reader.gets()
        while answer is False:  # no protocol of Redis before 3 has a false
            came = self._socket.recv(_READ_BYTES)
            if not came:
                raise ConnectionError("the store closed the connection")
            self._reader.feed(came)
            answer = self._reader.gets()
        return answer

    def close(self) -> None:
        self._socket.close()


def _refused(text: str) -> Exception:
    return NoScript(text) if text.startswith("NOSCRIPT") else failures.from_server(text)
