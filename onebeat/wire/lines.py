"""Which connection carries a call of a blocking store? An idle one, and it is idle again at once.

redis-py's connections without what its client does around them for each call: a retry that never retries, a
pool that counts for observers. That took half the processor time of a call.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import redis


@functools.cache
def _packer() -> Callable[[tuple[Any, ...]], bytes] | None:
    try:
        from hiredis import pack_command
    except ImportError:
        return None
    packer: Callable[[tuple[Any, ...]], bytes] = pack_command
    return packer


def _packed(words: tuple[Any, ...]) -> bytes | None:
    """What goes over the wire, without redis-py's look at each of a thousand words; None: it shall look."""
    packer = _packer()
    try:
        return None if packer is None else packer(words)
    except TypeError:
        return None


class Awaited:
    """A connection on which an answer is under way; `idle` gets it back."""

    __slots__ = ("_idle", "_line", "_told")

    def __init__(self, line: Any, idle: list[Any], told: Any) -> None:
        self._line, self._idle, self._told = line, idle, told

    def read(self) -> Any:
        """The answer, once; raises as `Lines.send`."""
        import redis.exceptions as kinds

        try:
            answer = self._line.read_response()
        except kinds.ResponseError as problem:  # an answer too, so the next one is the next call's
            if isinstance(problem, kinds.ReadOnlyError) or "READONLY " in str(problem):
                self._line.disconnect()  # demoted: the server's name may lead to the new master by now
            self._idle.append(self._line)
            raise
        except BaseException:
            self.drop()
            raise
        self._idle.append(self._line)
        return answer if self._told is None else self._told(answer)

    def drop(self) -> None:
        """Nobody wants it: the connection ends, so that the next answer is the next call's."""
        self._line.disconnect()
        self._idle.append(self._line)


class Lines:
    """Connections like those of `client`, but not its own. Safe to share between threads."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool: Any = client.connection_pool
        self._told: Any = client.response_callbacks  # how redis-py says what the server answered
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._idle: list[Any] = []
        self._all: list[Any] = []

    def send(self, *words: Any) -> Any:
        """The server's answer, in the form that the client's `execute_command` gives it.

        Raises:
            redis.exceptions.RedisError, OSError: as `execute_command` does.
        """
        return self.begin(*words).read()

    def send_asking(self, *words: Any) -> Any:
        """As `send`, to a node of a Cluster that is only about to get the slot."""
        line = self._take()
        try:
            line.send_command("ASKING")
            line.read_response()
        except BaseException:
            line.disconnect()
            self._idle.append(line)
            raise
        return self._begin(line, words).read()

    def begin(self, *words: Any) -> Awaited:
        """Send, and leave the answer for later; raises as `send`."""
        return self._begin(self._take(), words)

    def _begin(self, line: Any, words: tuple[Any, ...]) -> Awaited:
        try:
            packed = _packed(words)
            if packed is None:
                line.send_command(*words)
            else:
                line.send_packed_command([packed])
        except BaseException:
            line.disconnect()
            self._idle.append(line)
            raise
        return Awaited(line, self._idle, self._told.get(words[0]))

    def _take(self) -> Any:
        """An idle connection, or a new one, with nothing unread on it."""
        import redis.exceptions as kinds

        if self._pid != os.getpid():  # a forked child must not share its parent's sockets
            self._forget()
        try:
            line = self._idle.pop()
        except IndexError:
            line = self._pool.connection_class(**self._pool.connection_kwargs)
            self._all.append(line)
            return line
        try:
            unread = line.can_read()
        except (kinds.ConnectionError, kinds.TimeoutError, OSError):
            unread = True
        if unread:  # closed by the server while it was idle
            line.disconnect()
        return line

    def close(self) -> None:
        """Close every connection; the next call opens one."""
        for line in self._all if self._pid == os.getpid() else ():
            line.disconnect()
