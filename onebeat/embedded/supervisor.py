"""Who keeps the store, the beat and the worker running, and stops them in order?

One thread, one loop: every wait of the supervisor is `_pump`, which passes on what children print,
starts again what died and counts the requests to stop. All children are forked by this thread, because
they die with it.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from onebeat.clock import SYSTEM, Clock
from onebeat.embedded.child import Child, ChildSpec
from onebeat.embedded.given_store import GivenStore
from onebeat.embedded.part import Part
from onebeat.embedded.restarts import DEATHS_MAX, delay_s
from onebeat.embedded.signals import Signals
from onebeat.embedded.store_process import STOP_S, StoreProcess

GRACE_S = 25.0  # the worker's own: it gives back what is left after it
_KILL_S = 5.0  # from SIGKILL to the end
_CUT_STORE_S = 2.0  # the store writes its last second even when it is cut
_QUICK_S, _CALM_S = 0.01, 0.25  # between two looks: while the store is not ready, otherwise


@dataclass(slots=True)
class _Post:
    """One part and what the supervisor remembers of it."""

    part: Part
    at_once: bool  # started again without a pause
    ready: bool = False
    gone: bool = True
    again_s: float | None = None  # monotonic: when it is started again
    deaths_s: list[float] = field(default_factory=list)


class Supervisor:
    """Runs a store and the children that need it until it is told to stop."""

    def __init__(
        self,
        store: StoreProcess | GivenStore,
        children: Sequence[ChildSpec],
        *,
        signals: Signals,
        say: Callable[[str], None],
        grace_s: float = GRACE_S,
        clock: Clock = SYSTEM,
    ) -> None:
        self._server = store
        self._children = [Child(spec, self._environ) for spec in children]
        self._store = _Post(store, at_once=True)
        self._posts = [_Post(child, at_once=False) for child in self._children]
        self._signals = signals
        self._say = say
        self._grace_s = grace_s
        self._clock = clock
        self._width = max(len(name) for name in ("store", *(spec.name for spec in children)))
        self._asked = 0  # to stop, by a person
        self._failed = False

    def run(self) -> int:
        """Start everything and stay until a signal, or until something cannot be kept alive.

        Returns:
            0 after a stop that was asked for, 1 when a part died too often or cannot start.
        """
        try:
            self._launch(self._store)
            self._pump(lambda: self._store.ready or self._ending)
            if not self._ending:
                for post in self._posts:
                    self._launch(post)
                self._pump(lambda: self._ending)
            self._stop()
        except BaseException:
            self._cut()
            raise
        finally:
            for child in self._children:
                child.close()
        return 1 if self._failed else 0

    @property
    def _ending(self) -> bool:
        return self._failed or self._asked > 0

    def _environ(self) -> dict[str, str]:
        return {**os.environ, "ONEBEAT_REDIS_URL": self._server.url}

    # -- the loop ------------------------------------------------------------------------------------

    def _pump(self, done: Callable[[], bool], within_s: float = float("inf")) -> bool:
        """Keep everything going until `done()`; False when `within_s` seconds passed first."""
        until_s = self._clock.mono_s() + within_s
        while not done():
            left_s = until_s - self._clock.mono_s()
            if left_s <= 0:
                return False
            self._sleep(min(left_s, _CALM_S if self._store.ready else _QUICK_S))
            for received in self._signals.received():
                self._note(received)
            for post in (self._store, *self._posts):
                self._tend(post)
        return True

    def _sleep(self, longest_s: float) -> None:
        """Until a signal comes or a child says something."""
        waiting = select.poll()
        waiting.register(self._signals.fileno(), select.POLLIN)
        for child in self._children:
            for fd in child.streams:
                waiting.register(fd, select.POLLIN)
        waiting.poll(longest_s * 1000)

    def _note(self, received: signal.Signals) -> None:
        # a closing terminal sends HUP twice, by the kernel and by the shell: only one is meant
        if received in (signal.SIGINT, signal.SIGTERM) or (received is signal.SIGHUP and not self._asked):
            self._asked += 1

    def _tend(self, post: _Post) -> None:
        end = None if post.gone else post.part.ended()
        if isinstance(post.part, Child):  # after `ended`, so that last words are not missed
            for line in post.part.heard():
                self._tell(post, line)
        if end is not None:
            self._tell(post, end.text)
            post.gone, post.ready = True, False
            if not self._ending:
                self._plan_restart(post, hopeless=end.hopeless)
        elif post.gone:
            if post.again_s is not None and self._clock.mono_s() >= post.again_s and not self._ending:
                self._launch(post)
        elif not post.ready:
            text = post.part.readiness()
            if text is not None:
                post.ready = True
                self._tell(post, f"ready: {text}" if text else "ready")

    # -- life and death ------------------------------------------------------------------------------

    def _launch(self, post: _Post) -> None:
        post.again_s, post.gone, post.ready = None, False, False
        post.part.launch()

    def _plan_restart(self, post: _Post, *, hopeless: bool) -> None:
        now_s = self._clock.mono_s()
        post.deaths_s = [*post.deaths_s[1 - DEATHS_MAX :], now_s]
        wait_s = delay_s(post.deaths_s)
        if hopeless or wait_s is None:
            why = "starting it again would not help" if hopeless else "it died too often in a minute"
            self._tell(post, f"{why}: stopping everything")
            self._failed = True
            return
        post.again_s = now_s if post.at_once else now_s + wait_s
        self._tell(post, "starting again" if post.at_once else f"starting again in {wait_s:g} s")

    def _stop(self) -> None:
        """Children in their order, each with its grace, then the store; a second request cuts."""
        first = self._asked
        for post in self._posts:
            if not post.gone:
                post.part.ask_to_stop()
                self._wait_or_cut(post, lambda: self._asked > first, self._grace_s)
        if not self._store.gone:
            self._store.part.ask_to_stop()
            self._wait_or_cut(self._store, lambda: False, _CUT_STORE_S if self._asked > first else STOP_S)

    def _wait_or_cut(self, post: _Post, hurry: Callable[[], bool], within_s: float) -> None:
        self._pump(lambda: post.gone or hurry(), within_s)
        if not post.gone:
            self._tell(post, "cut")
            post.part.cut()
            self._pump(lambda: post.gone, _KILL_S)

    def _cut(self) -> None:
        """The supervisor itself failed: leave nothing behind."""
        for post in self._posts:
            post.part.cut()
        self._store.part.ask_to_stop()
        left = [post.part for post in (*self._posts, self._store) if not post.gone]
        until_s = self._clock.mono_s() + _KILL_S
        while any(part.ended() is None for part in left) and self._clock.mono_s() < until_s:
            self._sleep(_QUICK_S)

    def _tell(self, post: _Post, line: str) -> None:
        self._say(f"{post.part.name:<{self._width}} | {line}")
