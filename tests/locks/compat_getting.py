"""What does an act do to get a lock, and how long does it last?"""

from __future__ import annotations

from typing import Any

from tests.locks.compat_row import LONG_S, SHORT_S, Desk, held, lapsed, ttl_between

# -- acquire -----------------------------------------------------------------------------------------


def acquire_held(desk: Desk) -> Any:
    held(desk, timeout=LONG_S)
    return desk.make().acquire(blocking=False)


def constructor_says_not_to_block(desk: Desk) -> Any:
    held(desk, timeout=LONG_S)
    return desk.make(blocking=False).acquire(), desk.make(blocking=False).blocking


def acquire_overrides_the_constructor(desk: Desk) -> Any:
    held(desk, timeout=SHORT_S)
    return desk.make(blocking=False).acquire(blocking=True)


def blocking_timeout_of_the_constructor(desk: Desk) -> Any:
    held(desk, timeout=LONG_S)
    return desk.make(blocking_timeout=0.05).acquire()


def blocking_timeout_of_the_call(desk: Desk) -> Any:
    held(desk, timeout=LONG_S)
    return desk.make(blocking_timeout=LONG_S).acquire(blocking_timeout=0)


def waits_until_it_is_free(desk: Desk) -> Any:
    held(desk, timeout=SHORT_S)
    return desk.make(timeout=LONG_S).acquire(blocking_timeout=LONG_S)


def sleep_longer_than_the_wait(desk: Desk) -> Any:
    held(desk, timeout=SHORT_S)
    return desk.make(sleep=2 * LONG_S, blocking_timeout=LONG_S).acquire()


def not_reentrant(desk: Desk) -> Any:
    return held(desk, timeout=LONG_S).acquire(blocking=False)


def key_holds_the_token(desk: Desk) -> Any:
    lock = held(desk)
    return desk.look.get(desk.name) == lock.local.token


def chosen_token(desk: Desk) -> Any:
    lock = desk.make()
    lock.acquire(token="mine")
    return desk.look.get(desk.name), lock.local.token


def chosen_token_twice(desk: Desk) -> Any:
    desk.make(timeout=LONG_S).acquire(token="mine")
    return desk.make().acquire(blocking=False, token="mine")


def chosen_token_again(desk: Desk) -> Any:
    lock = desk.make()
    lock.acquire(token=b"mine")
    lock.release()
    return lock.acquire(blocking=False, token=b"mine")


def token_that_is_no_text(desk: Desk) -> Any:
    return desk.make().acquire(token=b"\xff")


def name_in_bytes(desk: Desk) -> Any:
    return desk.make(name=desk.name.encode()).acquire()


# -- how long it lasts -------------------------------------------------------------------------------


def timeout_is_its_life(desk: Desk) -> Any:
    held(desk, timeout=LONG_S)
    return ttl_between(desk, 0, LONG_S)


def timeout_in_fractions(desk: Desk) -> Any:
    held(desk, timeout=9.5)
    return ttl_between(desk, 0, 9.5)


def timeout_is_not_renewed(desk: Desk) -> Any:
    lapsed(desk)
    return desk.make(timeout=LONG_S).acquire(blocking=False)


def life_without_a_timeout(desk: Desk) -> Any:
    held(desk)
    left_ms = desk.look.pttl(desk.name)
    return "for ever" if left_ms == -1 else 0 < left_ms <= 30_000


def timeout_of_nothing(desk: Desk) -> Any:
    held(desk, timeout=0)
    return desk.look.pttl(desk.name) == -1 or ttl_between(desk, 0, 30)


def negative_timeout(desk: Desk) -> Any:
    return desk.make(timeout=-1).acquire()
