"""What does a protocol ask for when it is answered like this? The test driver: no server, no time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from onebeat.wire import Effect, Protocol


@dataclass
class Played:
    """What the protocol returned, and the effects it asked for, in order."""

    result: Any
    effects: list[Effect] = field(default_factory=list)

    def __iter__(self) -> Any:
        """Unpacks: `result, effects = play(…)`."""
        return iter((self.result, self.effects))


class Unfinished(AssertionError):
    """The protocol asked for one more effect than there are answers; `effects` has it last."""

    def __init__(self, effects: list[Effect]) -> None:
        super().__init__(f"no answer is left for {effects[-1]}")
        self.effects = effects


def play(protocol: Protocol[Any], answers: Iterable[Any]) -> Played:
    """Run `protocol`, answering its effects in order.

    An answer that is an exception is thrown into it; one that is callable is called with the effect
    and gives the answer (such as a virtual clock that lets a `Pause` pass).

    Raises:
        Unfinished: the answers ran out before the protocol ended.
        AssertionError: the protocol ended before the answers did.
        Exception: what the protocol raises.
    """
    effects: list[Effect] = []
    left = iter(answers)
    try:
        effect = next(protocol)
        while True:
            effects.append(effect)
            try:
                answer = next(left)
            except StopIteration:
                raise Unfinished(effects) from None
            if callable(answer):
                answer = answer(effect)
            throws = isinstance(answer, BaseException)
            effect = protocol.throw(answer) if throws else protocol.send(answer)
    except StopIteration as stop:
        unused = list(left)
        assert not unused, f"the protocol ended and did not ask for {unused}"
        return Played(stop.value, effects)
    finally:
        protocol.close()
