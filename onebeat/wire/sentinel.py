"""Which server is the master now? The Sentinels say, and the server itself confirms it.

The steps are those of the Redis documentation's "Guidelines for Redis clients with Sentinel support": ask
the Sentinels in turn, check the answer with ROLE, and put the one that answered first.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from onebeat.clock import SYSTEM, Clock
from onebeat.errors import Remedy
from onebeat.wire.guides import At, Route, as_text
from onebeat.wire.translate import translate
from onebeat.wire.urls import Node, Place

TRUST_S = 1.0  # for so long is a master believed without asking again: it may have been demoted quietly


class SentinelGuide:
    """The master of one service."""

    def __init__(self, place: Place, clock: Clock = SYSTEM) -> None:
        self._sentinels = place.named
        self._service = place.service
        self._clock = clock
        self._master: Node | None = None
        self._until_s = 0.0

    def route(self, words: tuple[Any, ...], behind: tuple[tuple[Any, ...], ...] = ()) -> Route:
        """To the master. Whatever is wrong with its answer, who is master is asked before the next call."""
        import redis.exceptions as kinds

        master = yield from self._find()
        try:
            answer = yield At(master, words, behind)
        except kinds.NoScriptError:
            raise
        except (kinds.RedisError, OSError) as problem:
            if translate("", problem).remedy is not Remedy.FATAL:
                self._master = None
            raise
        return answer

    def _find(self) -> Generator[At, Any, Node]:
        import redis.exceptions as kinds

        known = self._master
        if known is not None and self._clock.mono_s() < self._until_s:
            return known
        refused: dict[Node, Exception] = {}
        problem: Exception | None = None
        for sentinel in self._sentinels:
            try:
                node = yield from self._told_by(sentinel)
                if node in refused:
                    continue
                yield from _confirmed(node, refused)
            except (kinds.RedisError, OSError) as one:
                problem = one
            else:
                self._trust(node, sentinel)
                return node
        if known is not None and not refused:  # no Sentinel answers, which is no reason to stop
            self._until_s = self._clock.mono_s() + TRUST_S
            return known
        raise problem or kinds.ConnectionError(f"no Sentinel names a master of {self._service!r}")

    def _told_by(self, sentinel: Node) -> Generator[At, Any, Node]:
        import redis.exceptions as kinds

        words = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service)
        told = yield At(sentinel, words, own=True, sentinel=True)
        if not told:
            raise kinds.ConnectionError(f"the Sentinel at {sentinel} knows no master {self._service!r}")
        return Node(as_text(told[0]), int(told[1]))

    def _trust(self, master: Node, sentinel: Node) -> None:
        self._master, self._until_s = master, self._clock.mono_s() + TRUST_S
        self._sentinels = (sentinel, *(one for one in self._sentinels if one != sentinel))


def _confirmed(node: Node, refused: dict[Node, Exception]) -> Generator[At, Any, None]:
    """Return if the server says that it is a master; a Sentinel may be slower than the failover."""
    import redis.exceptions as kinds

    try:
        role = yield At(node, ("ROLE",), own=True)
        if as_text(role[0]) != "master":
            raise kinds.ConnectionError(
                f"{node} is no master any more, and its Sentinel does not know it yet"
            )
    except (kinds.RedisError, OSError) as problem:
        refused[node] = problem
        raise
