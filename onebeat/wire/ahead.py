"""How does one go on while the store works? A first call is sent, and its answer read later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from onebeat.errors import StoreError
from onebeat.wire.drive import drive
from onebeat.wire.lines import Awaited
from onebeat.wire.steps import Effect, Protocol

T = TypeVar("T")


class Ahead(Generic[T]):
    """A protocol under way. `read` answers what was sent; what could not be sent, `perform` does in its turn.

    Belongs to one thread, which calls `end` or `drop`.
    """

    def __init__(
        self,
        protocol: Protocol[T],
        begin: Callable[[Effect], Awaited | None],
        read: Callable[[Awaited, Effect], Any],
        perform: Callable[[Effect], Any],
    ) -> None:
        self._protocol, self._read, self._perform = protocol, read, perform
        self._first = next(protocol)
        self._sent = begin(self._first)

    def end(self) -> T:
        """What the protocol returns. Raises as it does."""
        return drive(self._protocol, self._answer, StoreError, self._first)

    def drop(self) -> None:
        """Read no answer: whether the first call was executed is not known."""
        self._protocol.close()
        if self._sent is not None:
            self._sent.drop()

    def _answer(self, effect: Effect) -> Any:
        sent, self._sent = self._sent, None
        return self._perform(effect) if sent is None else self._read(sent, effect)
