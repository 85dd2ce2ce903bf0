"""What did a run return, and how does a program wait for it without asking again and again?

A result is stored in the step that ends the message, so that neither is there without the other. Who waits
leaves a mark beside the message and blocks on a mailbox of its own; the worker that ends it rings. Whoever
ended it otherwise, or died before it rang, is noticed with the next look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from onebeat.clock import SYSTEM, Clock
from onebeat.errors import NoResult, RunCancelled, RunFailed, WaitTimeout
from onebeat.keys import QueueKeys
from onebeat.queue import payload
from onebeat.queue.scripts import COLLECT, TELL
from onebeat.queue.states import State
from onebeat.wire import Call, Command, Protocol, insist

LOOK_AGAIN_S = 1.0  # an end that nobody rings for is noticed within this
TOLD_MS = 10_000  # a bell is heard within this, or not needed any more


def result(
    keys: QueueKeys,
    id_: str,
    timeout_s: float | None,
    *,
    within_s: float,
    before: Sequence[tuple[QueueKeys, str]] | None = None,
    clock: Clock = SYSTEM,
) -> Protocol[Any]:
    """What the message `id_` returned; waits up to `timeout_s` seconds for its end, None: without an end.

    Raises:
        WaitTimeout: it is not over. RunCancelled, RunFailed: it ended, and was not done.
        NoResult: none is kept, and none will be.

    `before` are the messages after whose end this one is queued, if it is to be queued later: then there is
    nothing to see of it for a while, and their failure is its own.
    """
    until_s = None if timeout_s is None else clock.mono_s() + timeout_s
    while True:
        left_s = LOOK_AGAIN_S if until_s is None else min(LOOK_AGAIN_S, until_s - clock.mono_s())
        answer = yield from insist(_collect(keys, id_, waits=left_s > 0), within_s=within_s)
        if answer[0] == b"none" and before is not None:
            yield from _assert_goes_on(before, within_s)
        elif answer[0] != b"pending":
            return _value(keys, id_, answer)
        if left_s <= 0:
            raise WaitTimeout(f"message {id_} of queue {keys.queue} is not over after {timeout_s:g} s")
        # only what rings from now on: a redriven message may have an old bell
        since = int(answer[1]) - 1 if answer[1:] else "$"
        block_ms = max(1, round(left_s * 1000))
        yield Command(
            ("XREAD", "COUNT", 1, "BLOCK", block_ms, "STREAMS", keys.told(id_), since), block_s=left_s
        )


def _assert_goes_on(before: Sequence[tuple[QueueKeys, str]], within_s: float) -> Protocol[None]:
    """Return while what comes before may still be done; raises as `result`."""
    for keys, id_ in before:
        answer = yield from insist(_collect(keys, id_, waits=False), within_s=within_s)
        if answer[0] not in (b"pending", b"none", b"done"):
            _value(keys, id_, answer)


def knows(keys: QueueKeys, id_: str, *, within_s: float) -> Protocol[bool]:
    """Whether the queue keeps, or will keep, how the message `id_` ended."""
    answer = yield from insist(_collect(keys, id_, waits=False), within_s=within_s)
    return bool(answer[0] != b"none")


def _collect(keys: QueueKeys, id_: str, *, waits: bool) -> Call:
    return COLLECT.call(
        awaited=keys.awaited,
        results=keys.results,
        kept=keys.kept,
        dead=keys.dead,
        deadwhy=keys.deadwhy,
        id=id_,
        waits=int(waits),
    )


def tell(keys: QueueKeys, ids: Sequence[str], *, within_s: float) -> Protocol[None]:
    """Wake those who wait for the end of the messages `ids`."""
    call = TELL.call(told=[keys.told(id_) for id_ in ids], life_ms=TOLD_MS)
    yield from insist(call, within_s=within_s)


def _value(keys: QueueKeys, id_: str, answer: Sequence[bytes]) -> Any:
    """What the server's answer means when the message is over."""
    state, *rest = answer
    who = f"message {id_} of queue {keys.queue}"
    if state == b"none":
        raise NoResult(
            f"no result of {who} is kept: its task has no result_ttl, the result was kept long enough, or "
            "there is no such message"
        )
    if state == b"dead":
        raise _failed(who, rest[0])
    if state == b"cancelled":
        raise RunCancelled(f"{who} was cancelled", state=State.CANCELLED.value)
    if state != b"done":
        raise RunFailed(f"{who} is {state.decode()}", state=state.decode())
    if not rest:
        raise NoResult(
            f"{who} is done and its result is not kept: an earlier attempt had committed its effect, and the "
            "ledger could not keep what it returned"
        )
    return payload.decode_value(rest[0])


def _failed(who: str, why: bytes) -> RunFailed:
    try:
        told = msgspec.json.decode(why, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        told = {}
    error, reason = str(told.get("error") or "no reason is known"), str(told.get("reason") or "")
    kind, colon, text = error.partition(": ")
    named = kind.isidentifier()
    return RunFailed(
        f"{who} failed for good: {error}",
        state=State.DEAD.value,
        kind=kind if named else "",
        text=text if named and colon else "" if named else error,
        reason=reason,
    )
