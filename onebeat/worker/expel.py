"""What becomes of the messages of a process that its own supervisor has killed?

Those for which it was killed end as their rules say. The others go back without a delivery counted: they
are not what killed it. Whatever the dead one had sent and the store has not seen yet is refused from the
first of these calls on, since it takes the incarnation's place with a number beyond all of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onebeat.keys import QueueKeys
from onebeat.queue.cycle import Claims, Settled, cycle_call, read_claims
from onebeat.queue.liveness import release
from onebeat.queue.record import id_of, unpack
from onebeat.wire import Protocol, insist
from onebeat.worker import verdict
from onebeat.worker.board import Note
from onebeat.worker.outcome import End, Outcome
from onebeat.worker.threads import HardTimeLimit

TAKEN_OVER = 1 << 52  # the number of a cycle; no worker lives to reach it, and Lua's numbers hold it


def expel(
    keys: QueueKeys,
    wid: str,
    decide: Callable[[bytes], Settled | None],
    *,
    lease_ms: int,
    within_s: float,
) -> Protocol[int | None]:
    """Settle what `decide` says of the records that the dead `wid` holds, give back the rest and end its
    lease; how many went back, or None when others have recovered it already."""

    def cycle(seq: int, settled: Sequence[Settled]) -> Protocol[Claims]:
        call = cycle_call(keys, wid=wid, seq=seq, lease_ms=lease_ms, want=0, settled=settled)
        return read_claims((yield from insist(call, within_s=within_s)))

    held = yield from cycle(TAKEN_OVER, ())
    if held.fenced:
        return None
    settled = [one for record in held.records if (one := decide(record)) is not None]
    if settled and (yield from cycle(TAKEN_OVER + 1, settled)).fenced:
        return None
    return (yield from release(keys, wid, leave=True, within_s=within_s))


def ended_by(notes: Sequence[Note], wid: str, now_ms: int, luck: float) -> Callable[[bytes], Settled | None]:
    """`decide` for the runs of `notes`, killed at `now_ms` beyond their hard limit; `luck` in [0, 1)."""
    killed = {note.id: note for note in notes}

    def decide(record: bytes) -> Settled | None:
        note = killed.get(id_of(record))
        if note is None:
            return None
        message = unpack(record)
        outcome = Outcome(
            End.FAILED if note.again else End.FATAL,
            error=f"{HardTimeLimit.__name__}: over its hard time limit of {note.limit_ms / 1000:g} s",
            started_ms=note.started_ms,
            ended_ms=now_ms,
        )
        decided = verdict.after(message, outcome, note.policy, luck)
        return verdict.settle(message, outcome, decided, wid)

    return decide
