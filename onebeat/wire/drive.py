"""How is a protocol carried to its end, whatever performs its effects?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
E = TypeVar("E")
Kinds: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]


def drive(
    protocol: Generator[E, Any, T], perform: Callable[[E], Any], told: Kinds, asked: E | None = None
) -> T:
    """What `protocol` returns, each effect answered by `perform`, in order.

    An error of the kinds `told` is raised inside the protocol, which may have an answer to it; any other
    ends it. `asked`: its first effect, when it has begun.
    """
    try:
        effect = next(protocol) if asked is None else asked
        while True:
            try:
                answer = perform(effect)
            except told as problem:
                effect = protocol.throw(problem)
            else:
                effect = protocol.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        protocol.close()


async def drive_async(
    protocol: Generator[E, Any, T], perform: Callable[[E], Awaitable[Any]], told: Kinds
) -> T:
    """The asyncio twin of `drive`."""
    try:
        effect = next(protocol)
        while True:
            try:
                answer = await perform(effect)
            except told as problem:
                effect = protocol.throw(problem)
            else:
                effect = protocol.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        protocol.close()
