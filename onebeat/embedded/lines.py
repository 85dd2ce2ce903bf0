"""Where do the lines end in what a child wrote so far? Pure."""

from __future__ import annotations

LINE_MAX = 64 * 1024  # bytes; a longer line is shown in pieces


class Lines:
    """Collects bytes, gives out whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, more: bytes) -> list[str]:
        """The lines that `more` completes, without their ends; undecodable bytes are replaced."""
        *whole, self._rest = (self._rest + more).split(b"\n")
        while len(self._rest) > LINE_MAX:
            whole.append(self._rest[:LINE_MAX])
            self._rest = self._rest[LINE_MAX:]
        return [line.rstrip(b"\r").decode(errors="replace") for line in whole]

    def finish(self) -> list[str]:
        """What is left without an end."""
        left, self._rest = self._rest, b""
        return [left.decode(errors="replace")] if left else []
