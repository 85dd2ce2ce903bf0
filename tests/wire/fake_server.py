"""What does a client do when the server misbehaves? A server that answers what the test says, or nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

HANG_UP = None  # the answer that closes the connection instead of replying
OK = b"+OK\r\n"
Answer = Callable[[list[bytes]], bytes | None]


class FakeServer:
    """Speaks just enough of the protocol; `seen` is every command that it received, in order."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self.path = folder / "fake"
        self.url = f"unix://{self.path}"
        self.seen: list[list[bytes]] = []
        self._answer = answer
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def count(self, word: bytes) -> int:
        """How many commands began with `word`."""
        return sum(words[0] == word for words in self.seen)

    def close(self) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while head := lines.readline():
                words = []
                for _ in range(int(head[1:])):
                    length = int(lines.readline()[1:])
                    words.append(lines.read(length + 2)[:-2])
                self.seen.append(words)
                # What a client says of itself when it connects is not what a test is about.
                reply = OK if words[0] == b"CLIENT" else self._answer(words)
                if reply is HANG_UP:
                    return
                with suppress(BrokenPipeError):  # the client gave up: the next read ends
                    connection.sendall(reply)
