"""What is one behaviour of redis-py's lock, and what does an act need to show it?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import redis

SHORT_S = 0.3  # the timeout of a lock that shall lapse
LONG_S = 60.0  # and of one that shall not
SAME: Any = object()


class Desk(Protocol):
    """What an act works with: locks of one kind on one name, and a client that only looks."""

    look: redis.Redis
    name: str

    def make(self, **options: Any) -> Any: ...

    def make_on(self, client: str, **options: Any) -> Any: ...


class Verdict(StrEnum):
    SAME = "same"
    BETTER = "better"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Row:
    """`why` says how ours is better, or why it differs. `threads`: the act is for blocking locks only."""

    behaviour: str
    act: Callable[[Desk], Any]
    theirs: Any
    ours: Any = SAME
    verdict: Verdict = Verdict.SAME
    why: str = ""
    threads: bool = False


def held(desk: Desk, **options: Any) -> Any:
    lock = desk.make(**options)
    assert lock.acquire()
    return lock


def lapsed(desk: Desk, **options: Any) -> Any:
    """A handle whose lock ended under it."""
    lock = held(desk, timeout=SHORT_S, **options)
    end_s = time.monotonic() + 20
    while desk.look.exists(desk.name):
        assert time.monotonic() < end_s
        time.sleep(0.01)
    return lock


def ttl_between(desk: Desk, low_s: float, high_s: float) -> bool:
    return low_s * 1000 < desk.look.pttl(desk.name) <= high_s * 1000


def raised(act: Callable[[], Any]) -> str:
    try:
        act()
    except Exception as problem:
        return type(problem).__name__
    return "nothing"


def in_a_thread(act: Callable[[], Any]) -> Any:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(raised(act)))
    thread.start()
    thread.join()
    return answers[0]
