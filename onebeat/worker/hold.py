"""What does a worker hold of one queue, and how does each message of it get from the claim to its outcome?"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from msgspec.structs import replace

from onebeat.errors import BadPayload
from onebeat.keys import QueueKeys
from onebeat.queue.cycle import NO_NOTES, Settled
from onebeat.queue.following import after, follows
from onebeat.queue.record import Message, id_of, pack, unpack
from onebeat.queue.signing import Unsigned
from onebeat.queue.states import Move
from onebeat.worker import reserve, verdict
from onebeat.worker.bench import Bench
from onebeat.worker.context import context_of
from onebeat.worker.line import Line, Work
from onebeat.worker.middleware import HOOKS
from onebeat.worker.outcome import End, Outcome, line_of
from onebeat.worker.plain import plain_task, run_plain, run_plain_here
from onebeat.worker.run import begins_s, ends_ms, outcome_of, run_here, run_one
from onebeat.worker.telling import tell

if TYPE_CHECKING:
    from onebeat.worker.task import Task

SETTLED_MAX = 128  # in one cycle
NOTES_EVERY_S = 1.0  # runs may say more often how far they are

# with its fence, when it was claimed (Redis ms), and its task where that is all it needs (`plain.py`)
Claimed: TypeAlias = tuple[Message, int, int, "Task[Any, Any] | None"]
Ended: TypeAlias = tuple[Outcome | None, float]  # None: all was well with a plain one; how long it ran, ms


class Hold:
    """Messages of one queue from their claim to the answered settlement."""

    def __init__(self, wid: str, keys: QueueKeys, line: Line, bench: Bench) -> None:
        self._keys = keys
        self._wid, self._line, self._slots, self._bench = wid, line, line.slots, bench
        self._ids: set[str] = set()
        self._backlog: deque[Claimed] = deque()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._settled: list[Settled] = []
        self._run_ms: float | None = None
        self._notes_at_s = 0.0  # monotonic
        self._moved_s = 0.0  # when something was last claimed or ended, monotonic
        self.problem: BaseException | None = None  # a run that could not be brought to its end
        self.claiming = self.starting = True
        self.changed = asyncio.Event()
        self.flush = asyncio.Event()
        self._slots.on_free.append(self._room)

    def __bool__(self) -> bool:
        return bool(self._ids)

    @property
    def settled(self) -> bool:
        """Whether there are outcomes to tell."""
        return bool(self._settled)

    @property
    def worth_a_trip(self) -> bool:
        """Whether outcomes fill a call, or nothing is left that could add to them."""
        return len(self._settled) >= SETTLED_MAX or len(self._settled) == len(self._ids)

    def wanted(self) -> int:
        """How many more messages this worker could start soon."""
        if not self.claiming:
            return 0
        unsettled = len(self._ids) - len(self._settled)
        others = max(0, self._slots.running - (unsettled - len(self._backlog)))
        return reserve.wanted(self._slots.total - others, unsettled, self._run_ms)

    def can_begin(self) -> int:
        """How many more can begin at once: what waits here may go back, and its token would be lost.

        What waits of another queue of this process is no reason to wait: it has no slot.
        """
        return max(0, self._slots.free - len(self._backlog) - len(self._line.of(self)))

    @property
    def put_off_in_s(self) -> float | None:
        """In how many seconds what has not begun goes back; None when nothing waits here."""
        still_ms = (self._bench.clock.mono_s() - self._moved_s) * 1000
        wait_ms = reserve.put_off_in_ms(len(self._backlog) + len(self._line.of(self)), still_ms)
        return None if wait_ms is None else wait_ms / 1000

    # -- claimed -------------------------------------------------------------------------------------

    def take(self, records: Iterable[bytes], fence: int, now_ms: int) -> None:
        """Hold `records`, claimed at `now_ms` with `fence` and those that follow it."""
        self._moved_s = self._bench.clock.mono_s()
        for number, record in enumerate(records, fence):
            try:
                self._bench.ring.check(self._keys.prefix, record)
                message = unpack(record)
            except BadPayload as problem:
                self._bury(record, problem)
                continue
            # not only when a reply was lost: a store that went back hands out what this worker still runs
            if message.id not in self._ids:
                self._ids.add(message.id)
                if self._bench.unbounded(message):
                    self._bind(message)
                else:
                    self._backlog.append((message, number, now_ms, plain_task(message, self._bench)))

    def _bind(self, message: Message) -> None:
        """It goes back with the bounds of its task, in the order in which it was claimed."""
        try:
            record = pack(self._bench.bounded(message))
        except Exception as problem:  # as if it had run: its arguments fit no function, or make no key
            self._settle(message, outcome_of(problem, None, cut=False))
        else:
            record = self._bench.ring.seal(self._keys.prefix, record)
            self._settle(message, Outcome(End.UNBOUNDED, record=record))

    def _bury(self, record: bytes, problem: BadPayload) -> None:
        id_ = id_of(record)
        if id_ in self._ids:
            return
        reason = "unsigned" if isinstance(problem, Unsigned) else "unreadable"
        why = msgspec.json.encode({"error": line_of(problem), "reason": reason, "worker": self._wid})
        self._ids.add(id_)
        self._settled.append(Settled(id_, Move.BURY, record=record, why=why))

    def give_up(self) -> list[str]:
        """What has not begun and now never will."""
        for work in self._line.take_back(self):
            self._backlog.append(work.what)
        ids = [claimed[0].id for claimed in self._backlog]
        self._backlog.clear()
        self._ids.difference_update(ids)
        self._bench.cancelled.difference_update(ids)
        return ids

    def put_off(self) -> list[str]:
        """`give_up`, and claim one message per slot until runs are short again."""
        self._run_ms = max(self._run_ms or 0.0, reserve.AHEAD_MS)
        return self.give_up()

    # -- running -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start what waits while there are free slots."""
        backlog, slots, task_of = self._backlog, self._slots, asyncio.get_running_loop().create_task
        while backlog and self.starting:
            claimed = backlog[0]
            message, _, _, plain = claimed
            if self._bench.blocks(message) if plain is None else not plain.signature.is_async:
                work = Work(self, claimed, partial(self._run_here, claimed), partial(self._ran_here, claimed))
                if not self._line.add(work):
                    return
            elif slots.running < slots.total:
                slots.running += 1
                run = self._run(claimed) if plain is None else self._run_plain(message, plain)
                self._tasks[message.id] = task_of(run)
            else:
                return
            backlog.popleft()

    def _room(self) -> None:
        """A run ended, here or in another queue of this process: a slot is free."""
        self.start()
        self.changed.set()

    async def _run(self, claimed: Claimed) -> None:
        try:
            message, fence, now_ms, _ = claimed
            started_s = begins_s(self._bench)
            outcome = await run_one(message, fence, now_ms, self._bench, self._keys.queue)
            took_ms = ends_ms(self._bench, started_s)
        except Exception as problem:
            self._fail(problem)
            return
        self._over(claimed[0], outcome, took_ms)

    async def _run_plain(self, message: Message, task: Task[Any, Any]) -> None:
        try:
            outcome, took_ms = await run_plain(message, task, self._bench)
        except Exception as problem:
            self._fail(problem)
            return
        self._over(message, outcome, took_ms)

    def _over(self, message: Message, outcome: Outcome | None, took_ms: float) -> None:
        """A run on the loop has ended."""
        del self._tasks[message.id]
        self._note(message, outcome, took_ms)
        self._slots.give()

    def _run_here(self, claimed: Claimed) -> Ended:
        message, fence, now_ms, plain = claimed
        if plain is not None:
            return run_plain_here(message, plain, self._bench)
        started_s = begins_s(self._bench)
        outcome = run_here(message, fence, now_ms, self._bench)
        return outcome, ends_ms(self._bench, started_s)

    def _ran_here(self, claimed: Claimed, ended: Ended | None, problem: BaseException | None) -> None:
        if problem is not None:
            self._fail(problem)
        elif ended is not None:
            self._note(claimed[0], *ended)

    def _fail(self, problem: BaseException) -> None:
        """A handler's error is an outcome; any other would leave a message and a slot held for ever."""
        self.problem = problem
        self.changed.set()

    def running(self) -> list[str]:
        """The ids of what has begun and not ended."""
        waiting = {claimed[0].id for claimed in (*self._backlog, *self._line.of(self))}
        return sorted(self._ids - waiting - {one.id for one in self._settled})

    # -- over ----------------------------------------------------------------------------------------

    def _note(self, message: Message, outcome: Outcome | None, took_ms: float) -> None:
        """What follows from the end of a run."""
        self._bench.runs += 1
        self._run_ms = reserve.average_ms(self._run_ms, took_ms)
        self._moved_s = self._bench.clock.mono_s()
        if outcome is None:
            self._settled.append(Settled(message.id, Move.FINISH))  # a bare message leaves no trace
        elif outcome.end is not End.CUT:  # what is cut goes back when the worker leaves
            self._settle(message, outcome)
        self.changed.set()
        if self.worth_a_trip:
            self.flush.set()

    def _settle(self, message: Message, outcome: Outcome) -> None:
        policy = self._bench.registry.policy(message.header)
        decided = verdict.after(message, outcome, policy, random.random())
        settled = verdict.settle(message, outcome, decided, self._wid)
        if decided is verdict.FINISHED and follows(message):
            settled = self._followed(settled, message, outcome)
        self._settled.append(settled)
        if decided is not verdict.FINISHED:
            tell(message, outcome, decided)
        if HOOKS.at_deaths and decided.move is Move.BURY:
            HOOKS.died(context_of(message), outcome.error)

    def _followed(self, settled: Settled, message: Message, outcome: Outcome) -> Settled:
        """`settled` with what follows in a chain or group."""
        bench = self._bench
        then = after(message, outcome.value, self._keys, bench.namespace, bench.ring, bench.clock.wall_ms())
        return replace(settled, after=then)

    def batch(self) -> list[Settled]:
        """The outcomes that the next cycle tells; what goes back does so at once, to keep its order."""
        goes_back = any(one.move is Move.RELEASE for one in self._settled[SETTLED_MAX:])
        return self._settled[: None if goes_back else SETTLED_MAX]

    def notes(self) -> Mapping[str, bytes]:
        """How far runs say that they are, at most once in a second; forgotten with this."""
        here = self._bench.notes
        if not here or self._bench.clock.mono_s() < self._notes_at_s:
            return NO_NOTES
        self._notes_at_s = self._bench.clock.mono_s() + NOTES_EVERY_S
        return {id_: here.pop(id_) for id_ in self._ids.intersection(tuple(here))}

    def forget(self, batch: list[Settled]) -> None:
        """The cycle that told `batch` was answered."""
        del self._settled[: len(batch)]
        self._ids.difference_update([one.id for one in batch])
        self._bench.cancelled.difference_update([one.id for one in batch])
        for one in batch if self._bench.notes else ():
            self._bench.notes.pop(one.id, None)

    def cancel(self, id_: str) -> None:
        """End the run of a message; one that has not begun ends when its turn comes."""
        if id_ not in self._ids or id_ in self._bench.cancelled:
            return
        self._bench.cancelled.add(id_)
        if not self._bench.threads.cancel(id_) and id_ in self._tasks:
            # not at once: a task that is cancelled before its first step never takes one
            asyncio.get_running_loop().call_soon(self._tasks[id_].cancel)

    async def cut(self, wait_s: float) -> None:
        """Cancel the runs that can be cancelled and wait `wait_s` seconds for them to clean up."""
        running = list(self._tasks.values())
        for run in running:
            run.cancel()
        if running:
            await asyncio.wait(running, timeout=wait_s)
