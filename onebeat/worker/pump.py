"""How do messages flow through a worker process? Cycle → records → runs → outcomes → cycle."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from onebeat.errors import OnebeatError, Remedy, StoreError
from onebeat.failpoints import reach
from onebeat.keys import QueueKeys
from onebeat.queue.cycle import Claims, cycle_call, read_claims
from onebeat.queue.enqueue import Lanes
from onebeat.queue.following import relay
from onebeat.queue.liveness import bell_of, release
from onebeat.queue.parking import wake_if_free
from onebeat.queue.results import tell
from onebeat.queue.states import Move
from onebeat.wire import Call, Listening, insist
from onebeat.worker.bench import Bench
from onebeat.worker.hold import Hold
from onebeat.worker.line import Line

LOG = logging.getLogger("onebeat.worker")
BLOCK_S = 3.0  # an idle worker looks again after this, whatever the bell says
DEAF_S = 3.5  # or, should it say nothing at all, after this: the two at once would be two looks
HALTED_S = 0.05  # while a person holds the queue back, a bell is answered so much later
GATHER_S = 0.005  # how long an outcome waits for others while runs go on
OLD_S = 1.0  # what was claimed longer ago than this may be another's by now
WITHIN_S = 2.0


class FencedOut(OnebeatError):
    """This worker was declared dead: everything it held belongs to others now."""

    code = "OB510"


class Pump:
    """One queue's flow in one worker incarnation `wid`."""

    def __init__(self, keys: QueueKeys, wid: str, lease_ms: int, line: Line, bench: Bench) -> None:
        self.keys, self.wid, self._lease_ms, self._store = keys, wid, lease_ms, bench.store
        self._hold, self._board = Hold(wid, keys, line, bench), bench.board
        self._clock, self._seq = bench.clock, 0
        self._behind_s = 0.0  # how far the store's time is behind ours, monotonic, as far as was seen
        self._lanes = Lanes()
        self.quieted = asyncio.Event()  # it claims nothing more, and no call that could is on its way
        self._bell: Listening | None = None
        self._idle: asyncio.Timeout | None = None  # around the call that waits for the bell

    @property
    def stopping(self) -> bool:
        return not self._hold.starting

    async def flow(self) -> None:
        """Claim, run and settle until stopped and idle.

        Raises:
            FencedOut: this incarnation was declared dead. StoreError: a fatal one.
            Exception: a run could not be brought to its end; what is held is for another process.
        """
        hold, idle = self._hold, False
        while not self.stopping or hold:
            if hold.problem is not None:
                raise hold.problem
            if hold.put_off_in_s == 0 and not self.stopping:
                await self._release(hold.put_off())
            if not hold.claiming:
                await self._release(hold.give_up())
            want, quiet = hold.wanted(), not hold.claiming
            if idle:  # nobody knows how long this stands at the store, so no more than can begin at once
                want = min(want, hold.can_begin())
            claims = await self._cycle(want, idle=idle)
            hold.take(claims.records, claims.fence, claims.now_ms)
            if not hold.claiming:  # these arrived after the stop
                await self._give_back()
            if quiet:
                self.quieted.set()
            hold.start()
            if claims.records:
                await asyncio.sleep(0)  # they begin now; what is short is over before anything is waited for
            await self._tell(claims.waited)
            await self._relay(claims.relays)
            idle = await self._rest(claims, more=claims.again or 0 < want == len(claims.records))

    async def _cycle(self, want: int, *, idle: bool = False) -> Claims:
        """One answered cycle; of an idle worker it is executed when the bell rings."""
        batch, notes = self._hold.batch(), self._hold.notes()
        self._seq = seq = self._seq + 1
        ours = partial(cycle_call, self.keys, wid=self.wid, seq=seq, lease_ms=self._lease_ms)
        call = partial(ours, settled=batch, notes=notes, begin=self._hold.can_begin())
        if batch:
            reach("cycle.ready")
        claims = await self._rung(call(want=want), seq) if idle else None
        if claims is None and idle and self.stopping:
            return Claims()  # nothing is held but what that call may claim yet, and `leave` gives it back
        if claims is None:
            claims = await self._answered(call(want=want if self._hold.claiming else 0), seq)
        if claims.records:
            reach("cycle.answered")
        if claims.fenced:
            raise FencedOut(f"worker {self.wid} was declared dead; its messages run elsewhere")
        self._hold.forget(batch)
        if self._board is not None and (batch or claims.records):
            self._board.turn()
        await self._look_at({one.lock for one in batch if one.move is Move.PARK})
        if claims.late:
            LOG.warning("queue %s: %d outcomes came late and changed nothing", self.keys.queue, claims.late)
        return claims

    async def _answered(self, call: Call, seq: int) -> Claims:
        """The same call is sent until it is answered, however long that takes."""

        def failed(_problem: StoreError) -> None:
            self._skip(seq)

        while True:
            try:
                return read_claims(await self._store.run(insist(call, within_s=WITHIN_S, failed=failed)))
            except StoreError as problem:
                if problem.remedy is Remedy.FATAL:
                    raise
                LOG.warning("queue %s: %s; trying again", self.keys.queue, problem)

    async def _rung(self, call: Call, seq: int) -> Claims | None:
        """What the bell brought; None if nobody heard, and the number `seq` is to be sent again at once."""
        bell, self._bell = self._bell, None
        assert bell is not None
        try:
            async with asyncio.timeout(DEAF_S) as self._idle:
                claims = read_claims(await bell.behind(call))
        except (StoreError, TimeoutError) as problem:
            self._skip(seq)
            if isinstance(problem, StoreError):
                await asyncio.sleep(GATHER_S)  # the cycle that follows waits for the store
            return None
        finally:
            self._idle = None
            bell.drop()
        if not claims.fenced:
            await self._confirm(claims)
        return claims

    def _skip(self, seq: int) -> None:
        # the one that was not answered may arrive in a store that went back meanwhile, which then gives
        # what nobody hears of; the next number leaves a gap, so that it is told again
        self._seq = max(self._seq, seq + 1)

    async def _confirm(self, claims: Claims) -> None:
        """Raise FencedOut if what the bell brought while this process slept is another's by now."""
        behind_s = self._clock.mono_s() - claims.now_ms / 1000
        if behind_s - self._behind_s > OLD_S:
            claims = await self._cycle(0)
            self._hold.take(claims.records, claims.fence, claims.now_ms)
            behind_s = self._clock.mono_s() - claims.now_ms / 1000
        self._behind_s = behind_s

    async def _look_at(self, locks: set[str]) -> None:
        """What was parked for a lock that became free meanwhile has its turn at once."""
        for lock in locks:
            with contextlib.suppress(StoreError):  # then it looks by itself a little later
                free = wake_if_free(self.keys, self._store.namespace, lock, within_s=WITHIN_S)
                await self._store.run(free)

    async def _tell(self, waited: Sequence[str]) -> None:
        """Ring for those who wait for the end of messages."""
        if waited:
            with contextlib.suppress(StoreError):  # then they look by themselves a little later
                await self._store.run(tell(self.keys, waited, within_s=WITHIN_S))

    async def _relay(self, needed: bool) -> None:
        """Tell other queues what follows in them, what a killed worker left too."""
        if needed:
            with contextlib.suppress(StoreError):  # it stays in the outbox, for whoever cycles next
                await self._store.run(relay(self.keys, self._store.namespace, self._lanes, within_s=WITHIN_S))

    def cancel(self, id_: str) -> None:
        """End the run of a message that is held here."""
        self._hold.cancel(id_)

    async def _rest(self, claims: Claims, *, more: bool) -> bool:
        """Wait until there is something to say or to ask for; `more` when the queue may hold more.

        True, at once, of an idle worker: its next call waits at the store, behind the bell.
        """
        hold = self._hold
        if claims.halted and not hold.settled:  # else each message that is queued would be a round trip
            await self._wait(HALTED_S, deaf=True)
        if not hold.settled and not (more and hold.wanted()):
            put_off_in_s = hold.put_off_in_s
            patience_s = self._patience_s(claims)
            if self._idles(patience_s):
                return True
            await self._wait(patience_s if put_off_in_s is None else min(patience_s, put_off_in_s))
        if hold.settled and not hold.worth_a_trip:
            hold.flush.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await hold.flush.wait()
        return False

    def _idles(self, patience_s: float) -> bool:
        """Whether nothing is held, nothing is due soon, and the bell is listened to.

        The store ends a blocking read up to a tenth of a second late, so what is due we wait for ourselves.
        """
        hold = self._hold
        if hold or not hold.wanted() or patience_s < BLOCK_S:
            return False
        self._bell = self._bell or self._listen()
        return True

    def _listen(self) -> Listening:
        return self._store.listen(bell_of(self.keys, block_s=BLOCK_S))

    def _patience_s(self, claims: Claims) -> float:
        if claims.next_due_ms is None:
            return DEAF_S
        return min(DEAF_S, max(0.0, (claims.next_due_ms - claims.now_ms) / 1000))

    async def _wait(self, seconds: float, *, deaf: bool = False) -> None:
        """Until an outcome, a free slot, the bell, or `seconds`; the bell only where work can start.

        It is rung for what has its token too and was not taken here: who cannot take it must not hear that.
        """
        hold = self._hold
        hold.changed.clear()
        if hold.settled or hold.problem is not None:
            return
        changed = asyncio.create_task(hold.changed.wait())
        waits: set[asyncio.Future[Any]] = {changed}
        if self._bell is None and hold.wanted() and hold.can_begin() and not deaf:
            self._bell = self._listen()
        if self._bell is not None and not deaf:
            waits.add(self._bell.rang)
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()
        if self._bell is not None and self._bell.rang.done() and not deaf:
            bell, self._bell = self._bell.rang, None
            if not bell.cancelled() and isinstance(bell.exception(), StoreError):
                await asyncio.sleep(GATHER_S)  # the cycle that follows waits for the store

    def quiet(self) -> None:
        """Claim nothing more; the flow gives back what has not started, and goes on with what runs."""
        self._hold.claiming = False
        if self._bell is not None:  # it is for those who can take what it rings for
            self._bell.drop()
        if self._idle is not None:
            idle, self._idle = self._idle, None
            with contextlib.suppress(RuntimeError):  # its time is over at this very moment
                idle.reschedule(0.0)
        self._hold.changed.set()

    @property
    def busy(self) -> bool:
        """Whether anything is held: it waits, runs, or is not settled."""
        return bool(self._hold)

    @property
    def running(self) -> list[str]:
        """The ids of what has begun and not ended."""
        return self._hold.running()

    async def stop(self) -> None:
        """Start nothing more and give back at once what has not started."""
        self.quiet()
        self._hold.starting = False
        await self._give_back()

    async def _give_back(self) -> None:
        reach("pump.giving_back")
        await self._release(self._hold.give_up())

    async def _release(self, ids: Sequence[str]) -> None:
        """Back to the front; no delivery is counted."""
        if ids:
            # no number of its own: the gap tells a store that goes back to before this call that it did
            self._seq += 1
            await self._store.run(release(self.keys, self.wid, ids, within_s=WITHIN_S))

    async def cut(self, wait_s: float) -> None:
        """Cancel the runs that can be cancelled and wait `wait_s` seconds for them to clean up."""
        await self._hold.cut(wait_s)

    async def leave(self) -> None:
        """Settle what is over, give back the rest without counting a delivery, end the lease."""
        while self._hold.settled:
            claims = await self._cycle(0)
            await self._tell(claims.waited)
            await self._relay(claims.relays)
        reach("pump.leaving")
        await self._store.run(release(self.keys, self.wid, leave=True, within_s=WITHIN_S))
