"""How does one wait for something and have a call executed as soon as it comes, without being woken twice?

The server executes what comes over one connection in order. What is sent behind a blocking read waits there
until the read has ended, and both answers come back together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from onebeat.wire.async_lines import AsyncLine, AsyncLines
from onebeat.wire.steps import Call, Command, Effect
from onebeat.wire.translate import translate


class Listening:
    """A blocking read under way; `rang` is done when it has ended.

    Where the store has no `lines`, `perform` does all, one after the other.
    """

    def __init__(
        self,
        command: Command,
        deadline_s: float,
        lines: AsyncLines | None,
        perform: Callable[[Effect], Awaitable[Any]],
        where: str,
    ) -> None:
        self._command, self._lines, self._perform, self._where = command, lines, perform, where
        self._until_s = asyncio.get_running_loop().time() + deadline_s
        self._line: AsyncLine | None = None  # that carries the read, until it has ended
        self._begun = asyncio.get_running_loop().create_future()  # done when the read is sent, or cannot be
        self._shared = False  # with what was asked behind it, which gives it back
        self.rang: asyncio.Task[Any] = asyncio.create_task(self._listen())
        self.rang.add_done_callback(_heard)

    async def _listen(self) -> Any:
        lines, words = self._lines, self._command.words
        if lines is None:
            self._begun.set_result(None)
            return await self._perform(self._command)
        import redis.exceptions as kinds

        try:
            try:
                line = self._line = await lines.take(self._until_s)
            finally:
                self._begun.set_result(None)
            try:
                (answer,) = await line.ask([words], self._until_s)
            finally:
                self._line = None
                if not self._shared:
                    lines.give(line)
            return lines.said(words, answer)
        except (kinds.RedisError, OSError) as problem:
            raise translate(self._where, problem) from problem

    async def behind(self, call: Call) -> Any:
        """The answer to `call`, executed when the read has ended; asked once.

        Raises:
            StoreError: it, or the read, was not answered or refused. It may be executed yet.
        """
        await asyncio.shield(self._begun)
        line, lines = self._line, self._lines
        if line is None or lines is None:  # it has ended, or could not be sent
            await self.rang
            return await self._perform(call)
        import redis.exceptions as kinds

        self._shared = True
        try:
            try:
                (answer,) = await line.ask([call.words], self._until_s)
            finally:
                lines.give(line)
            await self.rang  # whose answer was there before
            return lines.said(call.words, answer)
        except kinds.NoScriptError:
            return await self._perform(call)
        except (kinds.RedisError, OSError) as problem:
            raise translate(self._where, problem) from problem

    def drop(self) -> None:
        """Nobody waits any more: whatever was asked may be executed yet."""
        self.rang.cancel()


def _heard(rang: asyncio.Task[Any]) -> None:
    """Its error is told to whoever asks; nobody needs to."""
    if not rang.cancelled():
        rang.exception()
