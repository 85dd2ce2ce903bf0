"""How do messages flow through a worker process? Cycle → records → runs → outcomes → cycle."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from onebeat.errors import BadPayload, OnebeatError, Remedy, StoreError
from onebeat.failpoints import reach
from onebeat.keys import QueueKeys
from onebeat.queue.cycle import Claims, Settled, cycle_call, read_claims
from onebeat.queue.liveness import listen, release
from onebeat.queue.record import Message, id_of, unpack
from onebeat.queue.states import Move
from onebeat.wire import insist
from onebeat.worker import reserve, verdict
from onebeat.worker.bench import Bench
from onebeat.worker.outcome import End, Outcome, line_of
from onebeat.worker.run import run_one

LOG = logging.getLogger("onebeat.worker")
BLOCK_S = 2.0  # an idle worker looks again after this, whatever the bell says
GATHER_S = 0.005  # how long an outcome waits for others while runs go on
SETTLED_MAX = 128  # in one cycle
WITHIN_S = 2.0


class FencedOut(OnebeatError):
    """This worker was declared dead: everything it held belongs to others now."""

    code = "OB510"


@dataclass(slots=True)
class Slots:
    """The runs that one process may have at once, shared by the pumps of its queues."""

    total: int
    running: int = 0

    @property
    def free(self) -> int:
        return self.total - self.running


class Pump:
    """One queue's flow in one worker incarnation `wid`."""

    def __init__(self, keys: QueueKeys, wid: str, lease_ms: int, slots: Slots, bench: Bench) -> None:
        self.keys, self.wid, self._lease_ms = keys, wid, lease_ms
        self._slots, self._bench, self._store = slots, bench, bench.store
        self._backlog: deque[tuple[Message, int, int]] = deque()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._settled: list[Settled] = []
        self._problem: BaseException | None = None
        self._seq = 0
        self._run_ms: float | None = None
        self._bell: asyncio.Task[object] | None = None
        self.changed = asyncio.Event()
        self._flush = asyncio.Event()
        self.stopping = False
        self.on_room: Callable[[], None] = lambda: None

    @property
    def idle(self) -> bool:
        """Nothing runs and nothing waits to be settled."""
        return not (self._running or self._backlog or self._settled)

    async def flow(self) -> None:
        """Claim, run and settle until stopped and idle.

        Raises:
            FencedOut: this incarnation was declared dead. StoreError: a fatal one.
            Exception: a run could not be brought to its end; what is held is for another process.
        """
        while not (self.stopping and self.idle):
            if self._problem is not None:
                raise self._problem
            want = self._want()
            claims = await self._cycle(want)
            for offset, record in enumerate(claims.records):
                self._take(record, claims.fence + offset, claims.now_ms)
            if self.stopping:  # these arrived after the stop
                await self._give_back()
            self.start_waiting()
            await self._rest(claims, more=0 < want == len(claims.records))

    def _want(self) -> int:
        if self.stopping:
            return 0
        others = self._slots.running - len(self._running)
        return reserve.wanted(
            self._slots.total - others, len(self._running) + len(self._backlog), self._run_ms
        )

    async def _cycle(self, want: int) -> Claims:
        """One answered cycle. The same call is sent until it is answered, however long that takes."""
        batch = self._settled[:SETTLED_MAX]
        self._seq += 1
        call = cycle_call(
            self.keys, wid=self.wid, seq=self._seq, lease_ms=self._lease_ms, want=want, settled=batch
        )
        if batch:
            reach("cycle.ready")
        while True:
            try:
                claims = read_claims(await self._store.run(insist(call, within_s=WITHIN_S)))
                break
            except StoreError as problem:
                if problem.remedy is Remedy.FATAL:
                    raise
                LOG.warning("queue %s: %s; trying again", self.keys.queue, problem)
        if claims.records:
            reach("cycle.answered")
        if claims.fenced:
            raise FencedOut(f"worker {self.wid} was declared dead; its messages run elsewhere")
        del self._settled[: len(batch)]
        if claims.late:
            LOG.warning("queue %s: %d outcomes came late and changed nothing", self.keys.queue, claims.late)
        # not only when a reply was lost: a store that went back hands out what this worker still runs
        known = {*self._running, *(m.id for m, _, _ in self._backlog), *(s.id for s in self._settled)}
        return replace(claims, records=[r for r in claims.records if id_of(r) not in known])

    def _take(self, record: bytes, fence: int, now_ms: int) -> None:
        try:
            self._backlog.append((unpack(record), fence, now_ms))
        except BadPayload as problem:
            why = msgspec.json.encode({"error": line_of(problem), "reason": "unreadable", "worker": self.wid})
            self._settled.append(Settled(id_of(record), Move.BURY, record=record, why=why))
            self.changed.set()

    def start_waiting(self) -> None:
        """Start what is held while there are free slots."""
        while self._backlog and self._slots.free > 0 and not self.stopping:
            message, fence, now_ms = self._backlog.popleft()
            self._slots.running += 1
            self._running[message.id] = run = asyncio.create_task(self._run(message, fence, now_ms))
            run.add_done_callback(self._look_at)

    def _look_at(self, run: asyncio.Task[None]) -> None:
        """A handler's error is an outcome; any other would leave a message and a slot held for ever."""
        if not run.cancelled() and run.exception() is not None:
            self._problem = run.exception()
            self.changed.set()

    async def _run(self, message: Message, fence: int, now_ms: int) -> None:
        reach("run.claimed")
        started = self._bench.clock.mono_s()
        outcome = await run_one(message, fence, now_ms, self._bench)
        reach("run.ended")
        del self._running[message.id]
        self._slots.running -= 1
        self._run_ms = reserve.average_ms(self._run_ms, (self._bench.clock.mono_s() - started) * 1000)
        if outcome.end is not End.CUT:  # what is cut goes back when the worker leaves
            found = self._bench.registry.policy(message.header)
            decided = verdict.after(message, outcome, found, random.random())
            self._settled.append(verdict.settle(message, outcome, decided, self.wid))
            _tell(message, outcome, decided)
        self.changed.set()
        self.on_room()
        if self._worth_a_trip():
            self._flush.set()

    async def _rest(self, claims: Claims, *, more: bool) -> None:
        """Wait until there is something to say or to ask for; `more` when the queue may hold more."""
        if not self._settled and not (more and self._want()):
            await self._wait(self._patience_s(claims))
        if self._settled and not self._worth_a_trip():
            self._flush.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await self._flush.wait()

    def _worth_a_trip(self) -> bool:
        """Whether outcomes fill a call, or nothing is left that could add to them."""
        return len(self._settled) >= SETTLED_MAX or not (self._running or self._backlog)

    def _patience_s(self, claims: Claims) -> float:
        if claims.next_due_ms is None:
            return BLOCK_S
        return min(BLOCK_S, max(0.0, (claims.next_due_ms - claims.now_ms) / 1000))

    async def _wait(self, seconds: float) -> None:
        """Until an outcome, a free slot, the bell, or `seconds`; the bell only where work can start."""
        self.changed.clear()
        if self._settled or self._problem is not None:
            return
        changed = asyncio.create_task(self.changed.wait())
        waits: set[asyncio.Task[object]] = {changed}
        if self._bell is None and self._want() and not self.stopping:
            self._bell = asyncio.create_task(self._store.run(listen([self.keys], block_s=BLOCK_S)))
        if self._bell is not None:
            waits.add(self._bell)
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()
        if self._bell is not None and self._bell.done():
            bell, self._bell = self._bell, None
            if not bell.cancelled() and isinstance(bell.exception(), StoreError):
                await asyncio.sleep(GATHER_S)  # the cycle that follows waits for the store

    async def stop(self) -> None:
        """Claim nothing more and give back at once what has not started."""
        self.stopping = True
        if self._bell is not None:
            self._bell.cancel()
        self.changed.set()
        await self._give_back()

    async def _give_back(self) -> None:
        reach("pump.giving_back")
        unstarted = [message.id for message, _, _ in self._backlog]
        self._backlog.clear()
        if unstarted:
            await self._store.run(release(self.keys, self.wid, unstarted, within_s=WITHIN_S))

    async def cut(self, wait_s: float) -> None:
        """Cancel the runs that can be cancelled and wait `wait_s` seconds for them to clean up."""
        running = list(self._running.values())
        for run in running:
            run.cancel()
        if running:
            await asyncio.wait(running, timeout=wait_s)

    async def leave(self) -> None:
        """Settle what is over, give back the rest without counting a delivery, end the lease."""
        while self._settled:
            await self._cycle(0)
        reach("pump.leaving")
        await self._store.run(release(self.keys, self.wid, leave=True, within_s=WITHIN_S))


def _tell(message: Message, outcome: Outcome, decided: verdict.Verdict) -> None:
    """One log line for everything that is not plain success; never the arguments."""
    fields = (message.header.task, message.id, message.attempt + 1)
    if decided.move is Move.BURY:
        LOG.error(
            "%s %s: attempt %d failed for good: %s", *fields, outcome.error, extra={"trace": outcome.trace}
        )
    elif decided.move is Move.RETRY:
        LOG.warning("%s %s: attempt %d: %s; again in %d ms", *fields, outcome.error, decided.delay_ms)
    elif decided.move is not Move.FINISH:
        LOG.info("%s %s: attempt %d: %s (%s)", *fields, decided.move.value, outcome.error or decided.reason)
