"""What are several independent servers to a history? One real one, in which each has keys of its own.

All that tells them apart is what happens to them: one does not answer for a while, or has lost its data.
"""

from __future__ import annotations

from typing import Any

import greenlet

from onebeat.errors import Remedy, StoreError
from onebeat.wire import Call, Effect, Pause
from tests.interleave.hub import Hub
from tests.interleave.process import Elsewhere, Port, Process


class Member:
    """One server of several."""

    def __init__(self, hub: Hub, place: int) -> None:
        self.hub, self.place = hub, place
        self.down_until_us = 0
        self.losses = 0

    @property
    def down(self) -> bool:
        return self.hub.world.time.us < self.down_until_us

    def key(self, key: Any) -> str:
        """What `key` of this server is called in the real one; the keys of a tag still share a slot."""
        return str(key).replace("ob:{", f"ob:{{{self.place}-", 1)

    def fails(self, seconds: float) -> None:
        """It answers nobody for so long; its data is on its disk."""
        self.down_until_us = self.hub.world.time.us + round(seconds * 1e6)

    def forgets(self) -> None:
        """It has no disk, and was started again."""
        mine = self.hub.world.raw("KEYS", self.key("ob:{") + "*")
        if mine:
            self.hub.world.raw("DEL", *mine)
        self.losses += 1


class Asked(Elsewhere):
    """A call of one member."""

    def __init__(self, member: Member, call: Call) -> None:
        self.member, self.call = member, call

    def __repr__(self) -> str:
        return f"{self.call.script.verb}({', '.join(map(str, self.call.args))}) at {self.member.place}"

    def perform(self) -> Any:
        if self.member.down:
            raise self.gone()
        keys = tuple(self.member.key(key) for key in self.call.keys)
        return self.member.hub.world.perform(self.call._replace(keys=keys))

    def gone(self) -> StoreError:
        return StoreError(f"no answer from member {self.member.place}", remedy=Remedy.RETRY)

    def late(self) -> StoreError:
        return self.gone()


class MemberPort(Port):
    """The driver of one process to one member."""

    def __init__(self, process: Process, member: Member) -> None:
        super().__init__(process)
        self.member = member

    def perform(self, effect: Effect) -> Any:
        return super().perform(Asked(self.member, effect) if isinstance(effect, Call) else effect)


def ask_all(ports: dict[int, MemberPort], calls: dict[int, Call]) -> dict[int, Any]:
    """What each member answered to its call, all of them on their way at once; no answer is a StoreError.

    Called by a thread of a process, as `pause` is.
    """
    if not calls:
        return {}
    me, answers = greenlet.getcurrent(), dict[int, Any]()
    process = next(iter(ports.values())).process
    if not process.alive:
        raise greenlet.GreenletExit

    def hear(place: int, answer: Any) -> None:
        answers[place] = answer
        if len(answers) == len(calls):
            me.switch()

    for place, call in calls.items():
        process._wait(Asked(ports[place].member, call), lambda answer, place=place: hear(place, answer))
    process.hub.trunk.switch()
    return answers


def pause(ports: dict[int, MemberPort], seconds: float) -> None:
    """Let time pass."""
    next(iter(ports.values())).process.ask(Pause(seconds))
