"""What happens next? Seeded choices, each of which can be told again.

A choice is `(what, who, number)`. Each history draws the faults that it has at all (swarm testing,
A. Groce and others, ISSTA 2012: few kinds at a time find more than all of them together).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from tests.interleave.hub import REFUSALS, Hub
from tests.interleave.process import Process, Request

SLEEPS_MS = (5, 40, 200, 700, 2_000, 4_500, 12_000)
# what can happen to a request, or to a process, and how often beside 60 plain steps
FAULTS: dict[str, float] = {
    "execute": 6,
    "lose": 5,
    "lose_late": 7,
    "lose_reply": 6,
    "refuse": 3,
    "crash": 2,
    "execute_crash": 2,
    "pause": 4,
}
SURROUNDINGS: dict[str, float] = {
    "sleep": 10,
    "deliver": 6,
    "keep": 5,
    "roll_back": 4,
    "flush": 1,
    "forget_scripts": 1,
}
ALL = {**FAULTS, **SURROUNDINGS}
PLAIN = 60.0


class Choice(NamedTuple):
    """One step. `who` is a process, or '' for the surroundings and a scenario's own acts."""

    what: str
    who: str = ""
    number: int = 0


class Chooser:
    """Draws choices that make sense in the moment."""

    def __init__(
        self, rng: random.Random, acts: dict[str, float], stress: dict[str, float], without: Sequence[str]
    ) -> None:
        self._rng = rng
        faults = {what: weight * stress.get(what, 1.0) for what, weight in ALL.items()}
        share = rng.choice((0.1, 0.3, 0.6, 1.0))
        kept = {what: weight for what, weight in faults.items() if rng.random() < share or what == "sleep"}
        for what in without:
            kept.pop(what, None)
        if "roll_back" in kept:
            kept["keep"] = faults["keep"]
        if "lose_late" in kept:
            kept["deliver"] = faults["deliver"]
        else:
            kept.pop("deliver", None)
        weights = {"run": PLAIN, **kept, **acts}
        self._whats, self._until = list(weights), list(accumulate(weights.values()))

    def draw(self, hub: Hub) -> Choice:
        what = self._rng.choices(self._whats, cum_weights=self._until)[0]
        number = self._rng.randrange(1 << 16)
        if what in FAULTS or what == "run":
            able = [one for one in hub.living if one.requests and not one.paused]
            if what == "run":
                able = [one for one in able if hub.ready(one)]
            if not able:
                return Choice("skip_time")
            return Choice(what, self._rng.choice(able).name, number)
        return Choice(what, "", number)


def apply(hub: Hub, choice: Choice) -> bool:
    """Do what `choice` says to a process; False when it is about something else, or cannot be."""
    process = hub.processes.get(choice.who)
    if process is None or not process.alive:
        return False
    if choice.what == "pause":
        process.paused_until_us = hub.world.time.us + SLEEPS_MS[choice.number % len(SLEEPS_MS)] * 1000
        hub.note(process, f"stopped for {SLEEPS_MS[choice.number % len(SLEEPS_MS)]} ms")
    elif choice.what == "crash":
        _crash(hub, process)
    else:
        request = _pick(hub, process, choice)
        if request is None:
            return False
        _happen(hub, choice, request)
    return True


def _pick(hub: Hub, process: Process, choice: Choice) -> Request | None:
    if choice.what == "run":
        able: Sequence[Request] = hub.ready(process)
    else:
        able = [one for one in process.requests if not one.sleeping]
        if choice.what not in ("lose", "lose_reply"):
            able = [one for one in able if not one.executed]
        if choice.what == "lose_late":  # a server forgets a blocked reader when its connection ends
            able = [one for one in able if not one.blocking]
    return able[choice.number % len(able)] if able else None


def _happen(hub: Hub, choice: Choice, request: Request) -> None:
    match choice.what:
        case "run":
            hub.run(request)
        case "execute":
            hub.execute(request)
        case "lose" | "lose_late":
            hub.lose(request, late=choice.what == "lose_late")
        case "lose_reply":
            hub.lose_reply(request)
        case "refuse":
            hub.refuse(request, REFUSALS[choice.number % len(REFUSALS)])
        case "execute_crash":
            hub.execute(request)
            _crash(hub, request.process)


def _crash(hub: Hub, process: Process) -> None:
    hub.note(process, "killed")
    process.die()


def told_again(choices: Iterable[Sequence[Any]]) -> list[Choice]:
    """Choices as they come back from JSON."""
    return [Choice(*choice) for choice in choices]
