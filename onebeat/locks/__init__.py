"""Who may run now? Fair locks with leases and fencing tokens, and `@singleton`."""

from onebeat.locks.alock import AsyncLock
from onebeat.locks.lease import Lease
from onebeat.locks.lock import Lock, holders
from onebeat.locks.policy import OnConflict, Singleton
from onebeat.locks.protocol import Released
from onebeat.locks.singleton import current_lease, singleton
from onebeat.locks.view import Holder

__all__ = [
    "AsyncLock",
    "Holder",
    "Lease",
    "Lock",
    "OnConflict",
    "Released",
    "Singleton",
    "current_lease",
    "holders",
    "singleton",
]
