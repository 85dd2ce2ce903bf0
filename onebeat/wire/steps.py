"""Which effects may a protocol ask for? Pure.

A *protocol* is a generator that yields effects and is sent their answers; it never touches a socket.
The blocking, the asyncio and the test driver perform the same protocol, so no logic is written twice
(the pattern of h11 and of psycopg's generators).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    from onebeat.wire.scripts import Script

T = TypeVar("T")
Arg: TypeAlias = str | bytes | int | float


class Call(NamedTuple):
    """Run a script; the answer is what the server returned (bytes, ints, lists)."""

    script: Script
    keys: tuple[Arg, ...]
    args: tuple[Arg, ...]

    @property
    def words(self) -> tuple[Any, ...]:
        """The command that runs it, on a server that knows the script."""
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.args)


@dataclass(frozen=True, slots=True)
class Command:
    """Run one plain command; `block_s` is how long the server itself may wait before answering."""

    words: tuple[Arg, ...]
    block_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Chain:
    """Run a script and then `behind`, on one connection; the answer has the script's and each of theirs."""

    call: Call
    behind: tuple[Command, ...]

    @property
    def block_s(self) -> float:
        """For how long the server may wait before it has answered them all."""
        return sum(one.block_s for one in self.behind)


@dataclass(frozen=True, slots=True)
class Pause:
    """Let `seconds` pass."""

    seconds: float


Effect: TypeAlias = Call | Command | Chain | Pause
Protocol: TypeAlias = Generator[Effect, Any, T]


def ask(effect: Effect) -> Protocol[Any]:
    """One effect as a protocol of its own: `answer = yield from ask(call)`."""
    answer = yield effect
    return answer
