"""Which server gets a call, and what follows when it is the wrong one?

A *guide* is a protocol: it yields `At` (ask this server these words), is sent the answer or has the error
raised in it, and returns the call's answer. It never repeats a call whose fate is unknown: only one that a
server refused to execute and sent elsewhere. So both drivers share it, and a caller repeats what it will.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from onebeat.wire.urls import Node


@dataclass(frozen=True, slots=True)
class At:
    """Send `words` to `node`, and `behind` on the same connection; the answer is a list where there is any.

    `asking`: the slot is on its way there. `own`: the guide's own, quick question. `sentinel`: to a Sentinel,
    with its credentials.
    """

    node: Node
    words: tuple[Any, ...]
    behind: tuple[tuple[Any, ...], ...] = ()
    asking: bool = False
    own: bool = False
    sentinel: bool = False

    @property
    def commands(self) -> list[tuple[Any, ...]]:
        """All that goes over the connection."""
        each = [self.words, *self.behind]
        return [one for words in each for one in (("ASKING",), words)] if self.asking else each

    def picked(self, answers: Sequence[Any]) -> Any:
        """What `commands` were answered, as the guide gets it."""
        mine = [*answers[1::2]] if self.asking else [*answers]
        return mine if self.behind else mine[0]


Route: TypeAlias = Generator[At, Any, Any]


class Guide(Protocol):
    """Knows the servers of one store; shared by all of its connections."""

    def route(self, words: tuple[Any, ...], behind: tuple[tuple[Any, ...], ...] = ()) -> Route:
        """The answer to `words` (with `behind`: the answers to all), of the right server.

        Raises:
            redis.exceptions.RedisError, OSError: what the last server raised.
        """
        ...


def as_text(value: Any) -> str:
    """A word of an answer."""
    return value.decode() if isinstance(value, bytes) else str(value)
