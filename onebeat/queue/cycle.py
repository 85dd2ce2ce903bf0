"""What does a worker say and learn in one round trip?

`cycle` settles finished messages and claims new ones. It is numbered: the same number again returns
what is held instead of claiming more, so a lost reply never strands a message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from onebeat.keys import QueueKeys
from onebeat.queue.scripts import CYCLE, LOG_MAX
from onebeat.queue.states import Move
from onebeat.wire import Call
from onebeat.wire.steps import Arg

NO_NOTES: Mapping[str, bytes] = {}
_KEYS = (
    *("ready", "lease", "due", "duerec", "dead", "deadrec", "deadwhy", "bell", "live"),
    *("waiting", "waitrec", "cancel", "cutoff", "fails", "stats", "log", "fence", "unique"),
    *("halt", "parked", "parkedof", "awaited", "results", "kept", "progress", "slots"),
    *("rates", "outbox", "groups"),
)


class After(msgspec.Struct, frozen=True, gc=False):
    """What follows the end of a message.

    `record` is queued here, its result kept for `keep_ms`; one member less is missing of `group`, which is
    counted here; `note` is for the outbox.
    """

    record: bytes = b""
    keep_ms: int = 0
    group: str = ""
    note: bytes = b""

    def told(self, groups: Sequence[str]) -> bytes:
        """As `cycle.lua` takes it; `groups` in their places."""
        place = groups.index(self.group) + 1 if self.group else 0
        return b"%d %d %d\n%b%b" % (len(self.record), self.keep_ms, place, self.record, self.note)


class Settled(msgspec.Struct, frozen=True, gc=False):
    """A finished message: its move and what the move needs.

    `delay_ms` and `record` (attempt + 1) for RETRY, `record` and `why` (JSON) for BURY, all three for PARK
    (`why` of `parking`, for `lock`), `record` for RELEASE; `counted` is the schedule whose `live` count it
    leaves, `event` its line in the log.
    """

    id: str
    move: Move
    delay_ms: int = 0
    record: bytes = b""
    why: bytes = b""
    counted: str = ""
    event: bytes = b""
    lock: str = ""  # that a parked message waits for; not sent
    more: bytes = b""  # see `kept_value`
    after: After | None = None

    @property
    def smooth(self) -> bool:
        """Whether the id says it all: finished, and nobody counts or writes it down."""
        return self.move is Move.FINISH and not (self.event or self.counted or self.more or self.after)

    def row(self, groups: Sequence[str]) -> tuple[str, str, int, bytes, bytes, str, bytes, bytes, bytes]:
        """The row of `cycle.lua`'s ARGV; `groups` are those that this queue counts, in their places."""
        after = self.after.told(groups) if self.after else b""
        told = (self.record, self.why, self.counted, self.event, self.more, after)
        return (self.id, self.move.value, self.delay_ms, *told)


@dataclass(frozen=True, slots=True)
class Claims:
    """The answer to a cycle.

    `fenced`: this incarnation was declared dead, everything it holds belongs to others. `again`: the call
    had already run, `records` is all that is held. `next_due_ms`: when the next delayed message is due, or a
    pause ends, Redis ms. `halted`: a person holds the queue back. `waited`: ids that ended and that somebody
    waits for. `relays`: the outbox has something. `fence` belongs to the first record, each further one
    has one more.
    """

    fenced: bool = False
    again: bool = False
    now_ms: int = 0
    late: int = 0
    next_due_ms: int | None = None
    fence: int = 0
    records: Sequence[bytes] = ()
    halted: bool = False
    waited: Sequence[str] = ()
    relays: bool = False


def kept_value(keep_ms: int, value: bytes) -> bytes:
    """`Settled.more` of a message whose result, if it has one, is kept for `keep_ms`."""
    return b"%d\n%b" % (keep_ms, value) if value else b"%d" % keep_ms


@lru_cache(maxsize=256)
def _keys(keys: QueueKeys, wid: str) -> tuple[Arg, ...]:
    """The keys that are the same for every call of a worker, without groups; made once, for they are many."""
    return CYCLE.keys_of(own=keys.own(wid), members=(), **{name: getattr(keys, name) for name in _KEYS})


def cycle_call(
    keys: QueueKeys,
    *,
    wid: str,
    seq: int,
    lease_ms: int,
    want: int,
    settled: Sequence[Settled],
    notes: Mapping[str, bytes] = NO_NOTES,
    begin: int | None = None,
) -> Call:
    """The call; send the very same object until it is answered, then raise `seq`.

    `notes`: id → how far its run is. `begin`: how many can begin at once, as many as `want` when
    absent; what takes a token is among the first so many.
    """
    groups = list(dict.fromkeys(one.after.group for one in settled if one.after and one.after.group))
    return CYCLE.call_on(
        (*_keys(keys, wid), *(keys.members(group) for group in groups)),
        wid=wid,
        seq=seq,
        lease_ms=lease_ms,
        want=want,
        log_max=LOG_MAX,
        # nearly all: one argument for them costs both sides a third of seven each
        finished=" ".join([one.id for one in settled if one.smooth]),
        notes=b"".join(b"%b %b\n" % (id_.encode(), note) for id_, note in notes.items()),
        begin=want if begin is None else begin,
        settled=[one.row(groups) for one in settled if not one.smooth],
    )


def read_claims(answer: Sequence[Any]) -> Claims:
    """What the server's answer to `cycle_call` means."""
    status = answer[0]
    if status in (b"fenced", b"stale"):
        return Claims(fenced=True)
    _, now, late, next_due, fence, records, halted, waited, relays = answer
    return Claims(
        again=status == b"again",
        now_ms=int(now),
        late=int(late),
        next_due_ms=int(float(next_due)) if next_due else None,
        fence=int(fence),
        records=records,
        halted=bool(halted),
        waited=[id_.decode() for id_ in waited],
        relays=bool(relays),
    )
