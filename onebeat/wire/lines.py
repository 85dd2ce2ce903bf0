"""Which connection carries a call of a blocking store? An idle one, and it is idle again at once.

redis-py's connections (`line.py`) without what its client does around them for each call: a retry that never
retries, a pool that counts for observers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from onebeat.wire.line import Line, line_of

if TYPE_CHECKING:
    import redis


_forks = object()  # another one in each forked child


def _forked() -> None:
    global _forks
    _forks = object()


os.register_at_fork(after_in_child=_forked)


class Unread(Exception):
    """An answer that nobody wants: the connection ends, so that the next answer is the next call's."""


def _answer_or_error(line: Line) -> Any:
    import redis.exceptions as kinds

    try:
        return line.read()
    except kinds.ResponseError as problem:
        return problem


class Awaited:
    """A connection on which an answer is under way; `ended` gets it back, and what went wrong on it."""

    __slots__ = ("_ended", "_line", "_told")

    def __init__(self, line: Line, ended: Callable[[Line, BaseException | None], None], told: Any) -> None:
        self._line, self._ended, self._told = line, ended, told

    def read(self) -> Any:
        """The answer, once; raises as `Lines.send`."""
        try:
            answer = self._line.read()
        except BaseException as problem:
            self._ended(self._line, problem)
            raise
        self._ended(self._line, None)
        return answer if self._told is None else self._told(answer)

    def drop(self) -> None:
        """Nobody wants the answer."""
        self._ended(self._line, Unread())


class Lines:
    """Connections like those of `client`, but not its own. Safe to share between threads."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._told: Any = client.response_callbacks  # how redis-py says what the server answered
        self._forget()

    def _forget(self) -> None:
        self._forks = _forks
        self._idle: list[Line] = []
        self._all: list[Line] = []

    def send(self, words: tuple[Any, ...]) -> Any:
        """The server's answer, in the form that the client's `execute_command` gives it.

        Raises:
            redis.exceptions.RedisError, OSError: as `execute_command` does.
        """
        line = self._take()
        try:
            line.send(words)
            answer = line.read()
        except BaseException as problem:
            self._ended(line, problem)
            raise
        self._idle.append(line)
        told = self._told.get(words[0])
        return answer if told is None else told(answer)

    def send_all(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The answers to several commands, one behind the other on one connection.

        Raises the first error among them, once all are answered; else as `send`.
        """
        line = self._take()
        try:
            line.send_all(commands)
            answers = [_answer_or_error(line) for _ in commands]
        except BaseException as problem:
            self._ended(line, problem)
            raise
        refused = next((answer for answer in answers if isinstance(answer, Exception)), None)
        self._ended(line, refused)
        if refused is not None:
            raise refused
        told = (self._told.get(words[0]) for words in commands)
        return [answer if tell is None else tell(answer) for tell, answer in zip(told, answers, strict=True)]

    def begin(self, words: tuple[Any, ...]) -> Awaited:
        """Send, and leave the answer for later; raises as `send`."""
        line = self._take()
        try:
            line.send(words)
        except BaseException as problem:
            self._ended(line, problem)
            raise
        return Awaited(line, self._ended, self._told.get(words[0]))

    def _ended(self, line: Line, problem: BaseException | None) -> None:
        """`line` is idle again; closed, if an answer may come that the next call would take for its own."""
        import redis.exceptions as kinds

        if problem is not None:
            answered = isinstance(problem, kinds.ResponseError)  # which is an answer too
            demoted = isinstance(problem, kinds.ReadOnlyError) or "READONLY " in str(problem)
            if demoted or not answered:  # the name of a demoted server may lead to the new master by now
                line.close()
        self._idle.append(line)

    def _take(self) -> Line:
        """An idle connection, or a new one."""
        if self._forks is not _forks:  # a forked child must not share its parent's sockets
            self._forget()
        try:
            return self._idle.pop()
        except IndexError:
            line = line_of(self._pool)
            self._all.append(line)
            return line

    def close(self) -> None:
        """Close every connection; the next call opens one."""
        for line in self._all if self._forks is _forks else ():
            line.close()
