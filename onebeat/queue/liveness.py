"""Which workers are alive, and what happens to the messages of a dead one?

A message moves only when its worker is dead, never because it is slow: a lease belongs to a worker
incarnation, not to a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onebeat.keys import QueueKeys
from onebeat.queue.scripts import BEAT, LOG_MAX, RECOVER, RELEASE
from onebeat.wire import Command, Protocol, insist

LEASE_MS = 4_000
DELIVERIES_MAX = 5


@dataclass(frozen=True, slots=True)
class Pulse:
    """`fenced`: wids that were declared dead meanwhile. `dead`: wids whose lease is over.

    `next_end_ms`: when the lease that ends next would be over, Redis ms. `cancelled`: ids that the wids
    hold and that somebody wants to end.
    """

    now_ms: int
    fenced: frozenset[str]
    dead: tuple[str, ...]
    next_end_ms: int | None
    cancelled: tuple[str, ...] = ()


def beat(
    keys: QueueKeys, wids: Sequence[str], *, lease_ms: int, join: bool, within_s: float
) -> Protocol[Pulse]:
    """Renew the leases of `wids` for `lease_ms`; `join` creates them."""
    call = BEAT.call(
        lease=keys.lease,
        cancel=keys.cancel,
        cutoff=keys.cutoff,
        results=keys.results,
        kept=keys.kept,
        own=[keys.own(wid) for wid in wids],
        join=int(join),
        lease_ms=lease_ms,
        wids=wids,
    )
    now, alive, dead, next_end, wanted = yield from insist(call, within_s=within_s)
    fenced = frozenset(wid for wid, lives in zip(wids, alive, strict=True) if not lives)
    ends = int(float(next_end)) if next_end else None
    gone, cancelled = (tuple(name.decode() for name in names) for names in (dead, wanted))
    return Pulse(int(now), fenced, gone, ends, cancelled)


def recover(
    keys: QueueKeys, wid: str, *, gone: bool = False, deliveries_max: int = DELIVERIES_MAX, within_s: float
) -> Protocol[int | None]:
    """Move what the dead `wid` holds to the front; the number moved, or None when it lives after all.

    `gone` means that the caller saw its process end; otherwise the lease must be over.
    """
    call = RECOVER.call(
        own=keys.own(wid),
        lease=keys.lease,
        ready=keys.ready,
        dead=keys.dead,
        deadrec=keys.deadrec,
        deadwhy=keys.deadwhy,
        live=keys.live,
        waiting=keys.waiting,
        waitrec=keys.waitrec,
        cutoff=keys.cutoff,
        fails=keys.fails,
        bell=keys.bell,
        stats=keys.stats,
        log=keys.log,
        unique=keys.unique,
        progress=keys.progress,
        slots=keys.slots,
        parked=keys.parked,
        due=keys.due,
        wid=wid,
        gone=int(gone),
        deliveries_max=deliveries_max,
        log_max=LOG_MAX,
    )
    answer = yield from insist(call, within_s=within_s)
    return None if answer == b"alive" else int(answer)


def release(
    keys: QueueKeys, wid: str, ids: Sequence[str] = (), *, leave: bool = False, within_s: float
) -> Protocol[int]:
    """Give `ids` (with `leave`: everything, and the lease) back to the front; how many went."""
    call = RELEASE.call(
        own=keys.own(wid),
        lease=keys.lease,
        ready=keys.ready,
        bell=keys.bell,
        stats=keys.stats,
        log=keys.log,
        progress=keys.progress,
        wid=wid,
        leave=int(leave),
        log_max=LOG_MAX,
        ids=ids,
    )
    answer = yield from insist(call, within_s=within_s)
    return int(answer)


def bell_of(keys: QueueKeys, *, block_s: float) -> Command:
    """Wait up to `block_s` seconds for the bell of a queue; answers nothing that matters, or None."""
    return Command(("BZPOPMIN", keys.bell, block_s), block_s=block_s)
