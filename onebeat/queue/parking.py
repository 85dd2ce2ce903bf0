"""How does a message wait for a lock without a worker, and who wakes it?

The lock lives in another slot than the queue, so no script sees both. The message lies with the delayed
ones and looks again by itself when the lock's lease may be over; whoever releases the lock wakes it before.
"""

from __future__ import annotations

from onebeat.keys import LockKeys, QueueKeys
from onebeat.queue.enqueue import unique_field
from onebeat.queue.scripts import WAKE
from onebeat.wire import Command, Protocol, insist


def parking(lock: str, keep: str) -> bytes:
    """What `cycle` is told about a message to park; `keep`: `all` of those that wait, or the `last` one."""
    return f"{unique_field(lock)} {keep}".encode()


def wake(keys: QueueKeys, lock: str, *, within_s: float) -> Protocol[str]:
    """Let the message that is parked longest for `lock` be claimed next; its id, empty when there is none."""
    call = WAKE.call(
        ready=keys.ready,
        due=keys.due,
        duerec=keys.duerec,
        parked=keys.parked,
        parkedof=keys.parkedof,
        bell=keys.bell,
        stats=keys.stats,
        lock=unique_field(lock),
    )
    woken: bytes = yield from insist(call, within_s=within_s)
    return woken.decode()


def wake_if_free(keys: QueueKeys, namespace: str, lock: str, *, within_s: float) -> Protocol[str]:
    """`wake`, if nobody holds the lock: it may have been released just before the message was parked."""
    held = yield from insist(Command(("EXISTS", LockKeys(namespace, lock).owner)), within_s=within_s)
    return "" if int(held) else (yield from wake(keys, lock, within_s=within_s))
