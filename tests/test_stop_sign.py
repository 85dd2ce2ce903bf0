"""Can a signal end a wait at every moment?"""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any

import pytest

from onebeat.stop_sign import StopSign

LINES = 25  # more than a wait has
PATIENCE_S = 60.0


def test_it_is_set_once_and_for_all() -> None:
    sign = StopSign()
    assert not sign.wait(0.001)
    sign.set()
    sign.set()
    assert sign.is_set()
    assert sign.wait(60)


def set_at(line: int, sign: Any) -> threading.Thread:
    """A thread that waits for `sign`; before line `line` of the wait a handler of its own sets it."""
    seen = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal seen
        seen += event == "line"
        if event == "line" and seen == line:
            sys.settrace(None)
            sign.set()
        return trace

    def wait() -> None:
        sys.settrace(trace)
        sign.wait(0.001)
        sys.settrace(None)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("line", range(1, LINES))
def test_a_handler_sets_it_whatever_its_thread_does(line: int) -> None:
    """`threading.Event` hangs at some of these: its `set` asks for the lock that the thread holds."""
    thread = set_at(line, StopSign())
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
