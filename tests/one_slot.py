"""Would a Cluster take every script call that the tests make? Its keys must share one slot.

Watches the place where calls are made, so a path that any test drives is held to it, whatever it runs on.
"""

from __future__ import annotations

from typing import Any

import pytest

from onebeat.wire import Call, Script
from onebeat.wire.slots import slot_of_call

ROOMS = ("queue", "locks", "scheduler")
# `renew` and `prolong` renew what one process holds, of any name; where the store refuses that, each has a
# call of its own. A quorum lock's servers are single ones, so `witness` never meets a Cluster.
OF_SEVERAL = ("renew", "prolong", "witness")


def watch_slots(patch: pytest.MonkeyPatch) -> None:
    """From now on `Script.call` fails for a call that a Cluster would refuse."""
    made = Script.call

    def call(self: Script, **named: Any) -> Call:
        one = made(self, **named)
        if self.room in ROOMS and self.verb not in OF_SEVERAL:
            check_slot(one)
        return one

    patch.setattr(Script, "call", call)


def check_slot(call: Call) -> None:
    """Fail if its keys are in several slots."""
    if not any(str(key).startswith("ob:") for key in call.keys):
        return  # a script of a test
    try:
        slot_of_call(("EVALSHA", call.script.verb, len(call.keys), *call.keys))
    except ValueError:
        raise AssertionError(f"{call.script.verb} names keys of several slots: {call.keys}") from None
