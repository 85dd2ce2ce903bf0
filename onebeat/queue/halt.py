"""How does a person hold a whole queue back? Nothing of it is claimed; what is claimed goes on."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from onebeat.events import Event
from onebeat.keys import QueueKeys
from onebeat.queue.operators import By
from onebeat.queue.record import event_line
from onebeat.queue.scripts import HALT, LOG_MAX
from onebeat.wire import Call, Protocol, insist
from onebeat.wire.store_time import store_now_ms


@dataclass(frozen=True, slots=True)
class Halt:
    """Since when and until when (0: until it is resumed) a queue is held back, Redis ms; by whom and why."""

    until_ms: int
    since_ms: int
    by: By


def pause(keys: QueueKeys, by: By, *, until_ms: int = 0, for_ms: int = 0, within_s: float) -> Protocol[Halt]:
    """Let nothing be claimed before `until_ms`, for `for_ms`, or (both 0) until it is resumed."""
    since_ms = yield from store_now_ms(within_s)
    until_ms = since_ms + for_ms if for_ms else until_ms
    said = by.fields()
    why = msgspec.json.encode({"who": said["by"], "reason": said["reason"], "since_ms": since_ms})
    line = event_line(Event.QUEUE_PAUSED, keys.queue, until_ms=until_ms or None, **said)
    yield from insist(_call(keys, until_ms, why, line), within_s=within_s)
    return Halt(until_ms, since_ms, by)


def resume(keys: QueueKeys, by: By, *, within_s: float) -> Protocol[bool]:
    """Let it go on; an idle worker is woken. False when it was not held back."""
    line = event_line(Event.QUEUE_RESUMED, keys.queue, **by.fields())
    return bool((yield from insist(_call(keys, -1, b"", line), within_s=within_s)))


def _call(keys: QueueKeys, until_ms: int, why: bytes, line: bytes) -> Call:
    return HALT.call(
        halt=keys.halt, bell=keys.bell, log=keys.log, until_ms=until_ms, why=why, line=line, log_max=LOG_MAX
    )


def read(entry: bytes, at_ms: int) -> Halt | None:
    """What `halt` in the store says at `at_ms`; None when nothing is held back (any more)."""
    until, _, text = entry.partition(b" ")
    if not until.isdigit() or 0 < int(until) <= at_ms:
        return None
    try:
        known = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        known = None
    why = known if isinstance(known, dict) else {}
    since = why.get("since_ms")
    who, reason = (str(why.get(name) or "") for name in ("who", "reason"))
    return Halt(int(until), since if isinstance(since, int) else 0, By(who, reason))
