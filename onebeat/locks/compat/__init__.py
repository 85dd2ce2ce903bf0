"""How does code that was written for redis-py's lock run on ours, unchanged?

    lock = Lock(redis, "report", timeout=30)      # as redis.lock.Lock; AsyncLock as redis.asyncio.lock.Lock
    lock = redis.lock("report", timeout=30, lock_class=Lock)

Same arguments, methods, answers and exceptions, over our fair and fenced scripts.
`docs/reference/redis-py.md` lists, row by row, what is the same, what is better and what differs; a test runs
every row against both.
"""

from onebeat.locks.compat.alock import AsyncLock
from onebeat.locks.compat.lock import Lock

__all__ = ["AsyncLock", "Lock"]
