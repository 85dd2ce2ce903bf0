"""What would workers claim next, and when is nothing left? Reads only, nothing is claimed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from onebeat.clock import SYSTEM, Clock
from onebeat.errors import BadPayload, WaitTimeout
from onebeat.keys import QueueKeys
from onebeat.queue.pages import WITHIN, dated
from onebeat.queue.peek import QueueView, queue
from onebeat.queue.record import Message, id_of, unpack
from onebeat.wire import Command, Pause, Protocol

LOOK_EVERY_S = 0.5
_PAGE = 64


@dataclass(frozen=True, slots=True)
class Standing:
    """A message in a queue. `message` is None when this version cannot read it; `due_ms`: not before."""

    id: str
    priority: int
    message: Message | None
    due_ms: int | None = None


def ahead(keys: QueueKeys, limit: int) -> Protocol[list[Standing]]:
    """The next `limit` (≤ 1 000) messages in the order in which they are claimed."""
    found: list[Standing] = []
    limit = min(limit, WITHIN)
    for priority, key in enumerate(keys.ready):
        at = 0
        while len(found) < limit:
            stop = at + min(_PAGE, limit - len(found)) - 1
            records = yield Command(("LRANGE", key, at, stop))
            found += [Standing(id_of(record), priority, _read(record)) for record in records]
            at += len(records)
            if at <= stop:
                break
    return found


def later(keys: QueueKeys, limit: int) -> Protocol[list[Standing]]:
    """The `limit` (≤ 1 000) delayed messages that are due first."""
    found = []
    for id_, due_ms in (yield from dated("ZRANGE", keys.due, min(limit, WITHIN))):
        message = _read((yield Command(("HGET", keys.duerec, id_))) or b"")
        found.append(Standing(id_, message.priority if message else 0, message, due_ms))
    return found


def drain(
    keys: QueueKeys,
    *,
    timeout_s: float | None,
    told: Callable[[QueueView], None] = lambda _view: None,
    clock: Clock = SYSTEM,
) -> Protocol[QueueView]:
    """Wait until nothing is ready, delayed, waiting or with a worker; `told` sees each look.

    A look is several reads, and a message that moves may slip through one of them. A move back, from a
    worker to a list, is counted: two empty looks with the same counters saw the same, which is nothing.

    Raises:
        WaitTimeout: something is left after `timeout_s`.
    """
    until_s = None if timeout_s is None else clock.mono_s() + timeout_s
    empty: dict[str, int] | None = None
    while True:
        view = yield from queue(keys)
        told(view)
        if view.left == 0 and view.stats == empty:
            return view
        empty = view.stats if view.left == 0 else None
        if until_s is not None and clock.mono_s() >= until_s and empty is None:
            raise WaitTimeout(f"queue {keys.queue} is not empty after {timeout_s:g} s: {left_text(view)}")
        yield Pause(0.0 if empty is not None else LOOK_EVERY_S)


def left_text(view: QueueView) -> str:
    """`3 ready, 1 claimed`, or `nothing`."""
    counts = {
        "ready": sum(view.ready),
        "claimed": view.claimed,
        "delayed": view.delayed,
        "waiting": view.waiting,
    }
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "nothing"


def _read(record: bytes) -> Message | None:
    try:
        return unpack(record)
    except BadPayload:
        return None
