"""Who looks at a call before a program queues it? The hooks `enqueue` of `worker/middleware.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from onebeat.errors import BadPayload
from onebeat.queue.enqueue import Draft


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call that is about to be queued. `headers` travel with it: text by name, to be written by hooks."""

    id: str
    task: str
    queue: str
    headers: dict[str, str] = field(default_factory=dict)


LOOKS: list[Callable[[Outgoing], object]] = []  # in the order in which they were registered


def looked_at(queue: str, drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts with the headers that hooks wrote. What a hook raises passes: nothing was queued.

    Raises:
        BadPayload: a header is not text.
    """
    return [_looked_at(queue, draft) for draft in drafts]


def _looked_at(queue: str, draft: Draft) -> Draft:
    message = draft.message
    call = Outgoing(message.id, message.header.task, queue, dict(message.header.headers or {}))
    for look in LOOKS:
        look(call)
    for name, value in call.headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise BadPayload(f"header {name!r} of a call of {call.task} is {value!r:.80}: both must be text")
    header = replace(message.header, headers=call.headers or None)
    return replace(draft, message=replace(message, header=header))
