"""Does one history keep every invariant? Choices are drawn, or told again, then comes the calm."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onebeat.wire import Call, Command
from tests.interleave.choices import SLEEPS_MS, Choice, Chooser, apply
from tests.interleave.hub import Hub, machine_time
from tests.interleave.process import Process, Request, Violation
from tests.interleave.world import Snapshot, World

if TYPE_CHECKING:
    from tests.interleave.scenario import Scenario


LATE_US = 700_000  # so long after the faults stopped the last late request arrives


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a trace: told milliseconds since the start, who, what, and the answer."""

    at_ms: int
    who: str
    what: str
    answer: str = ""

    def __str__(self) -> str:
        return f"{self.at_ms:>7} ms  {self.who:<12} {self.what}" + (
            f"  →  {self.answer}" if self.answer else ""
        )


@dataclass(slots=True)
class Told:
    """What came of a history. `violation` is None when every invariant held."""

    scenario: str
    seed: int
    choices: list[Choice] = field(default_factory=list)
    trace: list[Line] = field(default_factory=list)
    violation: Violation | None = None
    reached: set[str] = field(default_factory=set)  # which rare things happened at all


class _Stage:
    """One history under way."""

    def __init__(self, world: World, kind: type[Scenario], seed: int, *, keep_trace: bool) -> None:
        self.world, self.kind = world, kind
        self.told = Told(kind.name, seed)
        self._keep_trace = keep_trace
        self._start_ms = 0
        self._kept: list[tuple[Snapshot, Any]] = []
        self.scenario: Scenario | None = None

    def play(self, choices: Iterable[Choice] | None) -> Told:
        world, seed = self.world, self.told.seed
        world.begin()
        self._start_ms = world.time.ms
        rng = random.Random(seed)
        hub = Hub(world, self._observe, self._note)
        with machine_time(hub):
            random.seed(seed)
            self.scenario = scenario = self.kind(hub, random.Random(rng.random()))
            try:
                scenario.warm_up()
                if choices is None:
                    chooser = Chooser(rng, scenario.acts, scenario.stress, scenario.without)
                    choices = (chooser.draw(hub) for _ in range(rng.randint(*scenario.steps)))
                for choice in choices:
                    self._step(hub, scenario, choice)
                self._calm(hub, scenario)
            except Violation as broken:
                self.told.violation = broken
            except Exception as problem:  # of production code, in a process
                self.told.violation = Violation("V", f"a process raised {type(problem).__name__}: {problem}")
                self.told.violation.__cause__ = problem
            finally:
                hub.close()
                scenario.close()
        self.told.reached |= scenario.reached
        return self.told

    def _step(self, hub: Hub, scenario: Scenario, choice: Choice) -> None:
        self.told.choices.append(choice)
        if choice.what == "skip_time":
            now_us = self.world.time.us
            self.world.advance(max(1, (hub.next_wake_us() or now_us + 50_000) - now_us))
        elif choice.what == "sleep":
            self._note(None, f"{SLEEPS_MS[choice.number % len(SLEEPS_MS)]} ms pass")
            self.world.advance(SLEEPS_MS[choice.number % len(SLEEPS_MS)] * 1000)
        elif choice.what == "deliver":
            hub.deliver(choice.number)
        elif choice.what in ("keep", "roll_back", "flush", "forget_scripts"):
            self._harm(hub, scenario, choice)
        elif not choice.who:
            scenario.act(choice)
        else:
            apply(hub, choice)
        scenario.check()

    def _harm(self, hub: Hub, scenario: Scenario, choice: Choice) -> None:
        self._note(None, f"store: {choice.what}")
        if choice.what == "keep":
            self._kept.append((self.world.snapshot(), scenario.remember()))
        elif choice.what == "forget_scripts":
            self.world.forget_scripts()
        elif choice.what == "flush":
            self.world.flush()
            hub.losses += 1
            scenario.lost(None)
        elif self._kept:
            snapshot, memory = self._kept[choice.number % len(self._kept)]
            self.world.restore(snapshot)
            hub.losses += 1
            scenario.lost(memory)

    def _calm(self, hub: Hub, scenario: Scenario) -> None:
        self._note(None, "the faults stop")
        for process in hub.living:
            process.paused_until_us = 0
        if hub.orphans:
            hub.calm(LATE_US)
            hub.deliver_all()
        scenario.calm()
        scenario.check()
        scenario.check_end()

    def _observe(self, request: Request, answer: Any) -> None:
        assert self.scenario is not None
        self.scenario.observe(request, answer)

    def _note(self, about: Request | Process | None, what: str, answer: Any = None) -> None:
        if not self._keep_trace:
            return
        who = about.process.name if isinstance(about, Request) else about.name if about else ""
        if isinstance(about, Request):
            what = f"{describe(about.effect)}: {what}"
        shown = "" if answer is None else _short(answer)
        self.told.trace.append(Line(self.world.time.ms - self._start_ms, who, what, shown))


def play(
    world: World,
    kind: type[Scenario],
    seed: int,
    choices: Iterable[Choice] | None = None,
    *,
    keep_trace: bool = False,
) -> Told:
    """The history of `seed`; with `choices` these are made instead of new ones."""
    return _Stage(world, kind, seed, keep_trace=keep_trace).play(choices)


def describe(effect: Any) -> str:
    """An effect in one line."""
    if isinstance(effect, Call):
        return f"{effect.script.verb}({_short(list(effect.args))})"
    if isinstance(effect, Command):
        return _short(list(effect.words))
    return _short(effect)


def _short(value: Any) -> str:
    if isinstance(value, bytes):
        text = value.decode("utf-8", "replace")
        return text if text.isprintable() and len(text) < 60 else f"<{len(value)} bytes>"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_short(one) for one in value) + "]"
    return str(value)[:200]
