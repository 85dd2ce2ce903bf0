"""Which steps may a ledger protocol ask for? Pure.

As in `wire`, a protocol yields steps and is sent their answers; a blocking and an asyncio driver
perform them, so that the order of statements, which is what exactly-once rests on, is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from onebeat.wire import Pause

if TYPE_CHECKING:
    from sqlalchemy import Executable

T = TypeVar("T")
Handler: TypeAlias = Callable[[Any], Any]  # takes the driver's session; the asyncio driver awaits its answer


@dataclass(frozen=True, slots=True)
class Begin:
    """Open a transaction on a connection of its own. `task` is whose handler will see it, for errors."""

    task: str = ""
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Sql:
    """Execute one statement in the transaction; the answer is a `Rows`."""

    statement: Executable


class Rows(NamedTuple):
    """`touched`: how many rows a write changed; `rows`: what a read returned."""

    touched: int
    rows: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """Call the handler with the session and flush what it left there; the answer is its result."""

    handler: Handler


@dataclass(frozen=True, slots=True)
class Commit:
    """Make it visible and let the connection go."""


@dataclass(frozen=True, slots=True)
class Undo:
    """Roll back what is open, if anything is, and let the connection go."""


Step: TypeAlias = Begin | Sql | Work | Commit | Undo | Pause
Steps: TypeAlias = Generator[Step, Any, T]
