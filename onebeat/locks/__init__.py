"""Who may run now? Fair locks with leases and fencing tokens, and `@singleton`.

The kinds of lock that few programs need are imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from onebeat.locks.alock import AsyncLock
from onebeat.locks.lease import Lease
from onebeat.locks.lock import Lock, holders
from onebeat.locks.policy import OnConflict, Singleton
from onebeat.locks.protocol import Released
from onebeat.locks.roster import Permit, Roster
from onebeat.locks.singleton import current_lease, singleton
from onebeat.locks.view import Holder

if TYPE_CHECKING:
    from onebeat.locks.multi import AsyncMultiLock, MultiLease, MultiLock
    from onebeat.locks.quorum_lease import QuorumLease
    from onebeat.locks.quorum_lock import AsyncQuorumLock, QuorumLock
    from onebeat.locks.share import AsyncRWLock, AsyncSemaphore, RWLock, Semaphore

__all__ = [
    "AsyncLock",
    "AsyncMultiLock",
    "AsyncQuorumLock",
    "AsyncRWLock",
    "AsyncSemaphore",
    "Holder",
    "Lease",
    "Lock",
    "MultiLease",
    "MultiLock",
    "OnConflict",
    "Permit",
    "QuorumLease",
    "QuorumLock",
    "RWLock",
    "Released",
    "Roster",
    "Semaphore",
    "Singleton",
    "current_lease",
    "holders",
    "singleton",
]

_HOMES = {
    "AsyncMultiLock": "onebeat.locks.multi",
    "AsyncQuorumLock": "onebeat.locks.quorum_lock",
    "AsyncRWLock": "onebeat.locks.share",
    "AsyncSemaphore": "onebeat.locks.share",
    "MultiLease": "onebeat.locks.multi",
    "MultiLock": "onebeat.locks.multi",
    "QuorumLease": "onebeat.locks.quorum_lease",
    "QuorumLock": "onebeat.locks.quorum_lock",
    "RWLock": "onebeat.locks.share",
    "Semaphore": "onebeat.locks.share",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'onebeat.locks' has no attribute {name!r}")
    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found
