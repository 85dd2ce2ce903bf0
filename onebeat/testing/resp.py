"""Where does one value of the Redis protocol end and the next begin? Pure.

RESP2 and RESP3; requests are arrays of bulk strings, so calls and replies are told apart by direction only.
"""

from __future__ import annotations

_SIZED = frozenset(b"$=!")  # bulk string, verbatim string, bulk error: a length, then so many bytes
_NESTED = {ord("*"): 1, ord("~"): 1, ord(">"): 1, ord("%"): 2, ord("|"): 2}  # values per counted element
PUSH = ord(">")  # a value that nobody asked for
_ATTRIBUTE = ord("|")  # belongs to the value that follows


class Values:
    """Cuts a stream of bytes into whole values; keeps the beginning of one that is not complete."""

    def __init__(self) -> None:
        self._stored = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The values that `chunk` completes, in order, as they were sent."""
        stored = self._stored + chunk
        values, at = [], 0
        while (end := _end(stored, at)) is not None:
            values.append(stored[at:end])
            at = end
        self._stored = stored[at:]
        return values


def words(call: bytes) -> list[bytes]:
    """The words of one call, `[b"SET", b"name", b"value"]`; empty for what is no array of bulk strings."""
    lines, at, found = call, call.find(b"\r\n") + 2, []
    while at < len(call) and call[at] == ord("$"):
        line = lines.index(b"\r\n", at)
        size = int(call[at + 1 : line])
        found.append(call[line + 2 : line + 2 + size])
        at = line + 2 + size + 2
    return found


def _end(stored: bytes, at: int) -> int | None:
    """Where the value that begins at `at` ends; None when it is not complete."""
    missing = 1  # values that are still to be read; nesting needs no recursion
    while missing:
        line = stored.find(b"\r\n", at)
        if line < 0:
            return None
        kind, size = stored[at], stored[at + 1 : line]
        at = line + 2
        missing -= kind != _ATTRIBUTE
        if size.startswith(b"-") or not size.isdigit():
            continue
        if kind in _SIZED:
            at += int(size) + 2
            if at > len(stored):
                return None
        elif kind in _NESTED:
            missing += int(size) * _NESTED[kind]
    return at
