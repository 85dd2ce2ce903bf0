"""What else happens around every call and every run? Hooks that a program registers once."""

from __future__ import annotations

import inspect
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from onebeat.errors import ConfigError
from onebeat.ledger import Done
from onebeat.queue.outgoing import LOOKS, Outgoing
from onebeat.worker.context import Context
from onebeat.worker.threads import Cancelled, TimeLimit

T = TypeVar("T")
_LOG = logging.getLogger("onebeat.middleware")


class Middleware:
    """Say what you need of these five; none of them is a coroutine, and all of them should be quick.

    `start`, and then `success` or `failure`, are called where the task runs: on its thread, in its process,
    or, for a coroutine, on the event loop, in its asyncio task. What one of them raises is logged and counted
    in `HOOKS.failures`; the run and its outcome stay as they are.
    """

    def enqueue(self, call: Outgoing) -> None:
        """A program is about to queue `call`; what this raises refuses that. Fires have no caller."""

    def start(self, run: Context) -> None:
        """A run begins; `run.headers` are those that `enqueue` wrote."""

    def success(self, run: Context, result: Any) -> None:
        """It returned `result`, and its transaction, if it has one, is committed."""

    def failure(self, run: Context, error: BaseException) -> None:
        """It raised `error`: its own, a time limit, or its cancellation. It may be tried again."""

    def dead(self, run: Context, error: str) -> None:
        """Its worker gives the message up, to become a dead letter. Called on the worker's event loop."""


_NAMES = ("enqueue", "start", "success", "failure", "dead")


class Hooks:
    """The hooks of one process, by what they are called for. Empty ones cost nothing."""

    def __init__(self, looks: list[Callable[[Outgoing], object]]) -> None:
        self._known: list[Middleware] = []
        self._looks = looks
        self._called: dict[str, list[Callable[..., object]]] = {name: [] for name in _NAMES}
        self.failures: Counter[str] = Counter()  # by the hook that raised: `Trace.start`
        self.around_runs = self.at_deaths = False

    def add(self, one: Middleware) -> None:
        """Call the hooks of `one` too: after those before it at a beginning, before them at an end.

        Raises:
            ConfigError: it is no `Middleware`, or has a coroutine among its hooks.
        """
        if not isinstance(one, Middleware):
            hint = "make one, as in Trace()" if isinstance(one, type) else "derive its class from Middleware"
            raise ConfigError(f"middleware({one!r:.80}): this is no Middleware; {hint}")
        for name in _NAMES:
            if inspect.iscoroutinefunction(getattr(one, name)):
                hook = f"{type(one).__name__}.{name}"
                raise ConfigError(f"{hook} is a coroutine: hooks are called on threads too; write 'def'")
        if not any(one is known for known in self._known):
            self._set([*self._known, one])

    def remove(self, one: Middleware) -> None:
        """Call the hooks of `one` no more."""
        self._set([known for known in self._known if known is not one])

    def _set(self, known: list[Middleware]) -> None:
        """Only what somebody wrote is called; the end goes through them backwards."""
        self._known = known
        for name in _NAMES:
            said = [one for one in known if getattr(type(one), name) is not getattr(Middleware, name)]
            ordered = said if name in ("enqueue", "start") else said[::-1]
            self._called[name] = [getattr(one, name) for one in ordered]
        self._looks[:] = self._called["enqueue"]
        self.around_runs = any(self._called[name] for name in ("start", "success", "failure"))
        self.at_deaths = bool(self._called["dead"])

    def around(self, run: Context, work: Callable[[], T]) -> T:
        """What `work` returns, on this thread, with the hooks around it."""
        self._begin(run)
        try:
            result = work()
        except BaseException as problem:
            self._tell("failure", run, problem)
            raise
        self._tell("success", run, result)
        return result

    async def around_async(self, run: Context, work: Callable[[], Awaitable[T]]) -> T:
        """`around`, awaited."""
        self._begin(run)
        try:
            result = await work()
        except BaseException as problem:
            self._tell("failure", run, problem)
            raise
        self._tell("success", run, result)
        return result

    def died(self, run: Context, error: str) -> None:
        """The message is given up."""
        self._tell("dead", run, error)

    def _begin(self, run: Context) -> None:
        for hook in self._called["start"]:
            try:
                hook(run)
            except (Cancelled, TimeLimit):  # meant for the run, which would never hear of it
                raise
            except Exception as problem:
                self._note(hook, run, problem)

    def _tell(self, name: str, run: Context, what: Any) -> None:
        """Whatever a hook raises now, `SystemExit` too, must not change what became of the run."""
        told = what.result if isinstance(what, Done) else what
        for hook in self._called[name]:
            try:
                hook(run, told)
            except BaseException as problem:
                self._note(hook, run, problem)

    def _note(self, hook: Callable[..., object], run: Context, problem: BaseException) -> None:
        name = getattr(hook, "__qualname__", repr(hook))
        self.failures[name] += 1
        _LOG.error(
            "%s of %s %s raised (%d so far in this process); the run is as it was",
            *(name, run.task, run.message_id, self.failures[name]),
            exc_info=problem,
        )


HOOKS = Hooks(LOOKS)


def middleware(one: Middleware) -> Middleware:
    """Call the hooks of `one` in every process that gets here: say it beside your tasks.

    Raises:
        ConfigError: it is no `Middleware`, or has a coroutine among its hooks.
    """
    HOOKS.add(one)
    return one
