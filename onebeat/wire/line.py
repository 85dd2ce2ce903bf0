"""How do words get over one connection and an answer back, with the least work?

redis-py makes the connection: it knows addresses, TLS, users and databases. Where what it made is a plain
socket and hiredis reads the answers, we speak over that socket ourselves, which leaves out what redis-py does
around each call for observers. All else goes through redis-py's connection as it is.
"""

from __future__ import annotations

import functools
import select
import struct
from collections.abc import Callable, Sequence
from socket import SO_RCVTIMEO, SO_SNDTIMEO, SOL_SOCKET
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import redis

READ_MAX = 65_536  # bytes taken from the socket at once
PLAIN = ("Connection", "UnixDomainSocketConnection")  # no TLS, and nobody who changes its errors


class Line(Protocol):
    """One connection."""

    def send(self, words: tuple[Any, ...]) -> None:
        """Connects first where it is not connected, or was closed by the server while nobody used it."""

    def send_all(self, commands: Sequence[tuple[Any, ...]]) -> None:
        """The same, of several: all over this connection or none."""

    def read(self) -> Any:
        """The next answer; raises redis.exceptions.ResponseError where the server refused."""

    def close(self) -> None:
        """After an error, so that no answer that comes late is taken for that of the next call."""


@functools.cache
def find_packer() -> Callable[[tuple[Any, ...]], bytes] | None:
    """hiredis' way to put words together, where it is installed."""
    try:
        from hiredis import pack_command
    except ImportError:
        return None
    packer: Callable[[tuple[Any, ...]], bytes] = pack_command
    return packer


def line_of(pool: redis.ConnectionPool) -> Line:
    """A new connection, as `pool` makes them."""
    connection: Any = pool.connection_class(**pool.connection_kwargs)
    packer = find_packer()
    if packer is None or type(connection).__name__ not in PLAIN or connection.encoder.decode_responses:
        return UsualLine(connection)
    return StraightLine(connection, packer)


def patient(connected: Any) -> Any:
    """`connected`, whose timeout the kernel keeps from now on."""
    timeout_s = connected.gettimeout()
    if timeout_s:
        length = struct.pack("ll", int(timeout_s), int(timeout_s % 1 * 1e6))  # a timeval
        connected.setsockopt(SOL_SOCKET, SO_RCVTIMEO, length)
        connected.setsockopt(SOL_SOCKET, SO_SNDTIMEO, length)
        connected.settimeout(None)
    return connected


class UsualLine:
    """A connection of redis-py."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def send(self, words: tuple[Any, ...]) -> None:
        if self._spoilt():
            self.close()
        packed = _packed(words)
        if packed is None:
            self._connection.send_command(*words)
        else:
            self._connection.send_packed_command([packed])

    def send_all(self, commands: Sequence[tuple[Any, ...]]) -> None:
        if self._spoilt():
            self.close()
        self._connection.send_packed_command(self._connection.pack_commands(commands))

    def read(self) -> Any:
        return self._connection.read_response()

    def _spoilt(self) -> bool:
        """Is there something unread? As nothing was asked, that is the end of the connection."""
        import redis.exceptions as kinds

        try:
            return self._connection._sock is not None and bool(self._connection.can_read())
        except (kinds.ConnectionError, kinds.TimeoutError, OSError):
            return True

    def close(self) -> None:
        self._connection.disconnect()


class StraightLine:
    """The socket of such a connection. Its timeout, which each wait for the server has, is redis-py's.

    The kernel keeps it: Python would ask before each word and each answer whether the socket is ready.
    """

    def __init__(self, connection: Any, packer: Callable[[tuple[Any, ...]], bytes]) -> None:
        self._connection, self._packer = connection, packer
        self._socket: Any = None

    def _connect(self) -> Any:
        import hiredis
        from redis.connection import DefaultParser
        from redis.exceptions import InvalidResponse

        self.close()
        self._connection.connect()
        self._socket = patient(self._connection._sock)
        self._reader = hiredis.Reader(InvalidResponse, DefaultParser.parse_error)
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        self._unread = poll.poll  # is there something? As nothing was asked, that is the connection's end
        return self._socket

    def send(self, words: tuple[Any, ...]) -> None:
        socket = self._socket
        if socket is None or self._unread(0):
            socket = self._connect()
        try:
            packed = self._packer(words)
        except TypeError:
            packed = b"".join(self._connection.pack_command(*words))
        try:
            socket.sendall(packed)
        except BlockingIOError as late:
            raise TimeoutError("the server took nothing in time") from late

    def send_all(self, commands: Sequence[tuple[Any, ...]]) -> None:
        socket = self._socket
        if socket is None or self._unread(0):
            socket = self._connect()
        try:
            socket.sendall(b"".join(self._connection.pack_commands(commands)))
        except BlockingIOError as late:
            raise TimeoutError("the server took nothing in time") from late

    def read(self) -> Any:
        reader, socket = self._reader, self._socket  # another thread may close the store meanwhile
        while (answer := reader.gets()) is False:  # which RESP2 has no word for: the answer is not whole
            try:
                read = socket.recv(READ_MAX) if socket else b""
            except BlockingIOError as late:
                raise TimeoutError("the server did not answer in time") from late
            if not read:
                raise ConnectionResetError("the connection was closed")
            reader.feed(read)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self._socket = None
        self._connection.disconnect()


def _packed(words: tuple[Any, ...]) -> bytes | None:
    """What goes over the wire, without redis-py's look at each of a thousand words; None: it shall look."""
    packer = find_packer()
    try:
        return None if packer is None else packer(words)
    except TypeError:
        return None
