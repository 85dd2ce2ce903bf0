"""What does an act do with a lock that it has, or had?"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import redis
from redis.exceptions import LockError, RedisError

from tests.locks.compat_row import LONG_S, Desk, held, in_a_thread, lapsed, raised, ttl_between

# -- release -----------------------------------------------------------------------------------------


def release_frees(desk: Desk) -> Any:
    held(desk).release()
    return desk.look.exists(desk.name), desk.make().acquire(blocking=False)


def release_of_nothing(desk: Desk) -> Any:
    desk.make().release()


def release_twice(desk: Desk) -> Any:
    lock = held(desk)
    lock.release()
    lock.release()


def release_of_a_lapsed(desk: Desk) -> Any:
    lapsed(desk).release()


def release_when_another_has_it(desk: Desk) -> Any:
    first = lapsed(desk)
    second = held(desk, timeout=LONG_S)
    return raised(first.release), second.owned()


def release_after_a_failed_release(desk: Desk) -> Any:
    lock = lapsed(desk)
    return raised(lock.release), raised(lock.release)


def release_by_token(desk: Desk) -> Any:
    first, second = held(desk, timeout=LONG_S), desk.make()
    second.local.token = first.local.token
    second.release()
    return desk.look.exists(desk.name)


def token_of_another_thread(desk: Desk) -> Any:
    return in_a_thread(held(desk, timeout=LONG_S).release)


def token_of_all_threads(desk: Desk) -> Any:
    return in_a_thread(held(desk, timeout=LONG_S, thread_local=False).release)


# -- locked, owned -----------------------------------------------------------------------------------


def locked(desk: Desk) -> Any:
    lock = desk.make(timeout=LONG_S)
    before = lock.locked()
    lock.acquire()
    return before, lock.locked(), desk.make().locked()


def owned(desk: Desk) -> Any:
    lock = desk.make(timeout=LONG_S)
    before = lock.owned()
    lock.acquire()
    return before, lock.owned(), desk.make().owned()


def owned_of_a_lapsed(desk: Desk) -> Any:
    lock = lapsed(desk)
    return lock.owned(), lock.locked()


# -- extend, reacquire -------------------------------------------------------------------------------


def extend_adds(desk: Desk) -> Any:
    lock = held(desk, timeout=LONG_S)
    return lock.extend(LONG_S), ttl_between(desk, LONG_S, 2 * LONG_S)


def extend_in_fractions(desk: Desk) -> Any:
    lock = held(desk, timeout=LONG_S)
    return lock.extend(0.5), ttl_between(desk, 0, LONG_S + 0.5)


def extend_replaces(desk: Desk) -> Any:
    lock = held(desk, timeout=2 * LONG_S)
    return lock.extend(LONG_S, replace_ttl=True), ttl_between(desk, 0, LONG_S)


def extend_unlocked(desk: Desk) -> Any:
    desk.make(timeout=LONG_S).extend(1)


def extend_without_timeout(desk: Desk) -> Any:
    held(desk).extend(1)


def extend_lapsed(desk: Desk) -> Any:
    lapsed(desk).extend(1)


def extend_when_another_has_it(desk: Desk) -> Any:
    first = lapsed(desk)
    held(desk, timeout=LONG_S)
    return raised(lambda: first.extend(1)), ttl_between(desk, 0, LONG_S)


def reacquire_restarts(desk: Desk) -> Any:
    lock = held(desk, timeout=LONG_S)
    desk.look.pexpire(desk.name, 30_000)
    return lock.reacquire(), ttl_between(desk, 30, LONG_S)


def reacquire_unlocked(desk: Desk) -> Any:
    desk.make(timeout=LONG_S).reacquire()


def reacquire_without_timeout(desk: Desk) -> Any:
    held(desk).reacquire()


def reacquire_lapsed(desk: Desk) -> Any:
    lapsed(desk).reacquire()


# -- with --------------------------------------------------------------------------------------------


def with_holds_and_frees(desk: Desk) -> Any:
    with desk.make() as lock:
        inside = lock.owned()
    return inside, desk.look.exists(desk.name)


def with_in_vain(desk: Desk) -> Any:
    held(desk, timeout=LONG_S)
    with desk.make(blocking_timeout=0.05):
        pass


def with_an_error_inside(desk: Desk) -> Any:
    with suppress(ZeroDivisionError), desk.make():
        _ = 1 / 0
    return desk.look.exists(desk.name)


def with_released_inside(desk: Desk) -> Any:
    with desk.make() as lock:
        lock.release()


def with_lost_inside(desk: Desk) -> Any:
    with desk.make(timeout=LONG_S):
        desk.look.delete(desk.name)


def with_lost_inside_and_an_error(desk: Desk) -> Any:
    with desk.make(timeout=LONG_S):
        desk.look.delete(desk.name)
        _ = 1 / 0


def with_lost_inside_forgiven(desk: Desk) -> Any:
    with desk.make(timeout=LONG_S, raise_on_release_error=False):
        desk.look.delete(desk.name)


# -- clients and errors ------------------------------------------------------------------------------


def errors_are_redis_errors(desk: Desk) -> Any:
    try:
        desk.make().release()
    except LockError as problem:
        return isinstance(problem, RedisError), isinstance(problem, ValueError)
    return None


def decoding_client(desk: Desk) -> Any:
    lock = desk.make_on("decoding", timeout=LONG_S)
    answers = lock.acquire(), lock.owned(), lock.locked(), lock.extend(1), lock.reacquire()
    lock.release()
    return answers


def made_by_the_client(desk: Desk) -> Any:
    lock = desk.make_on("by lock()", timeout=LONG_S)
    return lock.acquire(), lock.timeout, lock.owned()


def nobody_listens(desk: Desk) -> Any:
    desk.make_on("nobody listens").acquire(blocking=False)


def reply_is_lost(desk: Desk) -> Any:
    lock = desk.make_on("loses a reply", timeout=LONG_S)
    return lock.acquire(blocking=False), desk.look.exists(desk.name)


def reply_to_extend_is_lost(desk: Desk) -> Any:
    lock = desk.make_on("loses its second reply", timeout=LONG_S)
    lock.acquire(blocking=False)
    return lock.extend(LONG_S), ttl_between(desk, 0, 2 * LONG_S)


def key_of_another_type(desk: Desk) -> Any:
    desk.look.rpush(desk.name, "x")
    return desk.make().acquire(blocking=False)


def both_kinds_exclude_each_other(desk: Desk) -> Any:
    other = redis.Redis.lock(desk.look, desk.name, timeout=LONG_S)
    assert other.acquire()
    before = desk.make().acquire(blocking=False)
    other.release()
    held(desk, timeout=LONG_S)
    return before, other.acquire(blocking=False)
