"""Which calls need nothing around them but their function, and how do they run? The short way.

Most calls are such: no singleton, bounds, time limit, session, context or hook; nobody wants the result, and
nothing follows. What a task asks for is known when it is registered, and what a message asks for is in its
header, so that none of it is asked again while it runs. All others go the way of `run.py`; how a run ends,
and what comes of its exceptions, is the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec.structs import replace

from onebeat.errors import BadArguments
from onebeat.queue.record import Message, is_bare
from onebeat.worker.limits import Limits
from onebeat.worker.middleware import HOOKS
from onebeat.worker.outcome import Outcome
from onebeat.worker.run import begins_s, check_wanted, ends_ms, note_prepared, outcome_of

if TYPE_CHECKING:
    from onebeat.worker.bench import Bench
    from onebeat.worker.task import Task

    PlainTask: TypeAlias = Task[Any, Any]


def plain_task(message: Message, bench: Bench) -> PlainTask | None:
    """Its task, if nothing more is needed to run it; None sends it the long way."""
    if not is_bare(message) or HOOKS.around_runs:
        return None
    task = bench.registry.get(message.header.task)
    return task if task is not None and _is_plain(task) else None


@lru_cache(maxsize=4096)
def _is_plain(task: PlainTask) -> bool:
    with suppress(BadArguments):  # of a session that does not fit: each run tells of it
        return (
            task.singleton is None
            and task.bounds is None
            and task.limits == Limits()
            and not task.result_ttl_ms
            and not task.uses_ledger
            and task.signature.context_name is None
        )
    return False


async def run_plain(message: Message, task: PlainTask, bench: Bench) -> tuple[Outcome | None, float]:
    """Await `task`: None if all is well, and how long it took, ms."""
    began_s, called = begins_s(bench), None
    outcome: Outcome | None = None
    try:
        args, kwargs = _arguments(message, task, bench)
        called = task
        await task.function(*args, **kwargs)
    except BaseException as problem:  # whatever a handler raises is an outcome, SystemExit included
        outcome = _failed(problem, message, called, began_s, bench, cut=bench.cutting())
    return outcome, ends_ms(bench, began_s)


def run_plain_here(message: Message, task: PlainTask, bench: Bench) -> tuple[Outcome | None, float]:
    """Call `task` on this very thread: None if all is well, and how long it took, ms."""
    began_s, called = begins_s(bench), None
    outcome: Outcome | None = None
    try:
        args, kwargs = _arguments(message, task, bench)
        called = task
        bench.threads.cancellable(message.id, lambda: task.function(*args, **kwargs), None)
    except BaseException as problem:
        outcome = _failed(problem, message, called, began_s, bench, cut=False)
    return outcome, ends_ms(bench, began_s)


def _arguments(message: Message, task: PlainTask, bench: Bench) -> tuple[Sequence[Any], Mapping[str, Any]]:
    check_wanted(message, bench)
    args, kwargs = task.signature.read(message.body)
    note_prepared()
    return args, kwargs


def _failed(
    problem: BaseException,
    message: Message,
    called: PlainTask | None,
    began_s: float,
    bench: Bench,
    *,
    cut: bool,
) -> Outcome:
    failed = outcome_of(problem, called, cut=cut, cancelled=message.id in bench.cancelled)
    ended_ms, took_s = bench.clock.wall_ms(), bench.clock.mono_s() - began_s
    return replace(failed, started_ms=ended_ms - round(took_s * 1000), ended_ms=ended_ms)
