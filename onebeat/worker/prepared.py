"""What is called when a message runs, with which arguments, and what does it leave behind?"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from onebeat.errors import BadPayload, BadResult
from onebeat.queue import payload
from onebeat.queue.following import passes
from onebeat.queue.record import Message
from onebeat.worker.context import Context, context_of

if TYPE_CHECKING:
    from onebeat.worker.task import Task


class Grip(Protocol):
    """What a run must know of its singleton's lease, wherever that is kept."""

    @property
    def name(self) -> str:
        """The resource."""

    def assert_held(self) -> None:
        """Return if it is held.

        Raises:
            LeaseLost: it is not.
        """


@dataclass(slots=True)
class Ready:
    """A message with its task, its arguments by name, and what its context says; `fence` is the claim's
    until a singleton's lease brings its own. `notes`: id → how far runs say that they are."""

    message: Message
    task: Task[Any, Any]
    given: Mapping[str, Any]
    fence: int
    timeout_s: float | None
    hard_ms: int | None
    stopping: Callable[[], bool]
    cancelled: Container[str]
    now_ms: int
    notes: dict[str, bytes]
    keep_ms: int = 0  # for how long its result is wanted; 0: nobody wants it
    value: bytes = b""  # what it returned, as it is stored

    @property
    def wanted(self) -> bool:
        """Whether anybody is told what it returns: whoever asks for the result, or what follows it."""
        return self.keep_ms > 0 or passes(self.message)

    @property
    def context(self) -> Context:
        """What the task may know about this run; built for the tasks that ask for it."""
        return context_of(
            self.message,
            None if self.timeout_s is None else self.now_ms + round(self.timeout_s * 1000),
            fence=self.fence,
            stopping=self.stopping,
            ending=functools.partial(self.cancelled.__contains__, self.message.id),
            noting=functools.partial(self.notes.__setitem__, self.message.id),
        )

    def arguments(self, session: Any = None) -> tuple[list[Any], dict[str, Any]]:
        """What the function is called with."""
        signature, filled = self.task.signature, dict[str, Any]()
        if signature.context_name is not None:
            filled[signature.context_name] = self.context
        if signature.session_name is not None:
            filled[signature.session_name] = session
        return signature.place(self.given, filled)

    def run(self, session: Any = None) -> Any:
        """Call the function. A result that is wanted and cannot be stored fails the run before it commits."""
        args, kwargs = self.arguments(session)
        if not self.wanted:
            return self.task.function(*args, **kwargs)
        if self.task.signature.is_async:
            return self._awaited(self.task.function(*args, **kwargs))
        return self.check(self.task.function(*args, **kwargs))

    def recall(self, result: Any, note: str | None) -> None:
        """Remember what an earlier attempt returned, as the ledger kept it; `note`: why it kept nothing.

        Raises:
            BadResult: what follows needs it, and it is not kept.
        """
        if note is None:
            self.check(result)
        elif passes(self.message):
            raise BadResult(
                f"task {self.task.name}: its effect is there, and what follows cannot be told: {note}"
            )

    async def _awaited(self, called: Awaitable[Any]) -> Any:
        return self.check(await called)

    def check(self, result: Any) -> Any:
        """Remember `result` as it is stored, and give it back.

        Raises:
            BadResult: it cannot be stored.
        """
        try:
            self.value = payload.encode_value(result)
        except BadPayload as problem:
            raise BadResult(f"task {self.task.name}: {problem}") from None
        return result
