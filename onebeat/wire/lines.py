"""Which connection carries a call of a blocking store? An idle one, and it is idle again at once.

redis-py's connections without what its client does around them for each call: a retry that never retries, a
pool that counts for observers. That took half the processor time of a call.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import redis


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
        import redis.exceptions as kinds

        line = self._take()
        try:
            line.send_command(*words)
            answer = line.read_response()
        except kinds.ResponseError:  # an answer too, so the next one is the next call's
            self._idle.append(line)
            raise
        except BaseException:
            line.disconnect()
            self._idle.append(line)
            raise
        self._idle.append(line)
        told = self._told.get(words[0])
        return answer if told is None else told(answer)

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
