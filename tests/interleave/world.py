"""What is the outside of a history? One real store, the time it shows, its losses and its errors."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from onebeat.wire import Call, Command, Script
from tests.interleave.line import Line, NoScript
from tests.interleave.told_time import START_US, ToldTime, build, memory_folder, preloaded
from tests.servers import Server

NAMESPACE = "i"
# told time runs fast, and so would a store's housekeeping, which reads its own size from the system each time
_OPTIONS = ("--appendonly", "no", "--hz", "1", "--rdbcompression", "no")
_TOLD_KEY = "told-clock"
_SNAPSHOT = """
local all = {}
for _, key in ipairs(redis.call('KEYS', 'ob:*')) do
  all[#all + 1] = key
  all[#all + 1] = redis.call('PTTL', key)
  all[#all + 1] = redis.call('DUMP', key)
end
return all
"""
_RESTORE = """
for _, key in ipairs(redis.call('KEYS', 'ob:*')) do redis.call('DEL', key) end
for i = 1, #ARGV, 4 do
  if ARGV[i + 3] == '1' then redis.call('RESTORE', ARGV[i], ARGV[i + 1], ARGV[i + 2], 'ABSTTL')
  else redis.call('RESTORE', ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
end
"""
_AGE = """
for _, key in ipairs(redis.call('KEYS', 'ob:*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The store's keys as they were at `at_ms`."""

    at_ms: int
    rows: tuple[Any, ...]


class World:
    """A store for histories, one after the other.

    Its clock is told by preloading; where no compiler is, or the server cannot be preloaded, the same
    scripts ask a key for the time instead of the server, and what has a TTL is aged by hand (to within a
    few milliseconds, which is too little for scenarios that say `ends_exactly`).
    """

    def __init__(self, *, preload: bool = True) -> None:
        self._opened = ExitStack()
        self.writes = 0  # calls that may have written
        self.rung = 0  # the last of them after which there was something for a blocked reader
        try:
            self._open(preload)
        except BaseException:  # a campaign that is ended while this one starts
            self.close()
            raise

    def _open(self, preload: bool) -> None:
        home = memory_folder()
        self._opened.callback(shutil.rmtree, home, ignore_errors=True)
        self.time = ToldTime(home)
        self._opened.callback(self.time.close)
        self._server = Server(*_OPTIONS)
        self._opened.callback(self._server.remove)
        with preloaded(build(home) if preload else None, self.time):
            self._server.start()
        self._line = Line(self._server.socket)
        self._opened.callback(self._line.close)
        told_s, _ = self.raw("TIME")
        self.preloaded = int(told_s) == START_US // 1_000_000

    def begin(self) -> None:
        """An empty store at the first moment."""
        self.writes = self.rung = 0
        self.time.set(START_US)
        self.flush()

    def close(self) -> None:
        self._opened.close()

    # -- time ---------------------------------------------------------------------------------------

    def advance(self, us: int) -> None:
        before_ms = self.time.ms
        self.time.advance(us)
        passed_ms = self.time.ms - before_ms
        if not self.preloaded and passed_ms:
            self._tell_time()
            self.raw("EVAL", _AGE, 0, passed_ms)

    def _tell_time(self) -> None:
        seconds, rest = divmod(self.time.us, 1_000_000)
        self.raw("HSET", _TOLD_KEY, "s", seconds, "us", rest)

    # -- what processes ask -------------------------------------------------------------------------

    def perform(self, effect: Call | Command, bells: Sequence[Any] = ()) -> Any:
        """The store's answer, as the production driver gives it; a blocking read looks once.

        `bells`: the keys at which others wait. The store is asked in the same turn whether there is one now.

        Raises:
            StoreError: the store refused.
        """
        if isinstance(effect, Command) and effect.block_s:
            if effect.words[0] == "BLPOP":
                answer = self.raw("LPOP", effect.words[1])
                return None if answer is None else [str(effect.words[1]).encode(), answer]
            if effect.words[0] == "BZPOPMIN":
                return self._pop_any(effect.words[1:-1])
            if effect.words[0] == "XREAD":
                return self.raw(*effect.words[:3], *effect.words[5:])
        self.writes += 1
        answer, *ringing = self._tell(effect, [("EXISTS", *bells)] if bells else [])
        if ringing and ringing[0]:
            self.rung = self.writes
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _tell(self, effect: Call | Command, beside: list[tuple[Any, ...]]) -> list[Any]:
        if isinstance(effect, Command):
            return self._line.ask(effect.words, *beside)
        script = effect.script if self.preloaded else _told_by_key(effect.script)
        rest = (len(effect.keys), *effect.keys, *effect.args)
        answers = self._line.ask(("EVALSHA", script.sha, *rest), *beside)
        if isinstance(answers[0], NoScript):
            answers = self._line.ask(("EVAL", script.text, *rest), *beside)
        return answers

    def _pop_any(self, bells: tuple[Any, ...]) -> Any:
        for bell in bells:
            found = self.raw("ZPOPMIN", bell)
            if found:
                name, score = found[0] if isinstance(found[0], (list, tuple)) else found
                return [bell if isinstance(bell, bytes) else str(bell).encode(), name, score]
        return None

    def raw(self, *words: Any) -> Any:
        """One plain command, for looking."""
        return self.look(words)[0]

    def look(self, *commands: tuple[Any, ...]) -> list[Any]:
        """Several, in one turn of the store."""
        answers = self._line.ask(*commands)
        for refused in answers:
            if isinstance(refused, Exception):
                raise refused
        return answers

    # -- what happens to it -------------------------------------------------------------------------

    def flush(self) -> None:
        """All data is gone."""
        self.raw("FLUSHALL")
        if not self.preloaded:
            self._tell_time()

    def forget_scripts(self) -> None:
        self.raw("SCRIPT", "FLUSH")

    def snapshot(self) -> Snapshot:
        return Snapshot(self.time.ms, tuple(self.raw("EVAL", _SNAPSHOT, 0)))

    def restore(self, snapshot: Snapshot) -> None:
        """The store is what it was then: a replica that lagged becomes the master."""
        rows = list(snapshot.rows)
        passed_ms = self.time.ms - snapshot.at_ms
        kept: list[Any] = []
        for key, left_ms, dump in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
            if left_ms < 0:
                kept += [key, 0, dump, 0]
            elif left_ms >= passed_ms:
                absolute = int(self.preloaded)  # else the server's own clock shows another time
                ends_ms = snapshot.at_ms + left_ms if absolute else max(1, left_ms - passed_ms)
                kept += [key, ends_ms, dump, absolute]
        self.raw("EVAL", _RESTORE, 0, *kept)
        self.rung = self.writes + 1  # for all that is known: whoever looks next is told by the store


@lru_cache(maxsize=64)
def _told_by_key(script: Script) -> Script:
    ask = f"redis.call('HMGET', '{_TOLD_KEY}', 's', 'us')"
    return replace(script, text=script.text.replace("redis.call('TIME')", ask))
