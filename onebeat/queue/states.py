"""Which states has a message, and which moves lead from one to another? Pure.

The one table of a message's life: the Lua headers name its moves, a test compares them, and the
documentation's diagram is drawn from it.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a message is. Exactly one terminal state ends every message."""

    NEW = "new"
    READY = "ready"
    DELAYED = "delayed"  # until a time, until the run before it is over, or a lock, slot or token is free
    CLAIMED = "claimed"
    DONE = "done"
    DEAD = "dead"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


TERMINAL = frozenset({State.DONE, State.DEAD, State.SKIPPED, State.CANCELLED, State.EXPIRED})


class Move(StrEnum):
    """A change of state; the value is the word that scripts use."""

    ENQUEUE = "enqueue"
    DELAY = "delay"
    PROMOTE = "promote"
    CLAIM = "claim"
    HOLD = "hold"  # instead of a claim: its key has no free slot, or its rate no token
    FINISH = "finish"
    RETRY = "retry"
    PARK = "park"
    BURY = "bury"
    SKIP = "skip"
    EXPIRE = "expire"
    CANCEL = "cancel"
    WITHDRAW = "withdraw"
    SUPERSEDE = "supersede"
    RECOVER = "recover"
    RELEASE = "release"
    PURGE = "purge"
    REDRIVE = "redrive"  # only a person makes it: a dead message stays over until then


MOVES: dict[Move, tuple[State, State]] = {
    Move.ENQUEUE: (State.NEW, State.READY),
    Move.DELAY: (State.NEW, State.DELAYED),
    Move.PROMOTE: (State.DELAYED, State.READY),
    Move.CLAIM: (State.READY, State.CLAIMED),
    Move.HOLD: (State.READY, State.DELAYED),
    Move.FINISH: (State.CLAIMED, State.DONE),
    Move.RETRY: (State.CLAIMED, State.DELAYED),
    Move.PARK: (State.CLAIMED, State.DELAYED),
    Move.BURY: (State.CLAIMED, State.DEAD),
    Move.SKIP: (State.CLAIMED, State.SKIPPED),
    Move.EXPIRE: (State.CLAIMED, State.EXPIRED),
    Move.CANCEL: (State.CLAIMED, State.CANCELLED),
    Move.WITHDRAW: (State.DELAYED, State.CANCELLED),
    Move.SUPERSEDE: (State.DELAYED, State.SKIPPED),
    Move.RECOVER: (State.CLAIMED, State.READY),
    Move.RELEASE: (State.CLAIMED, State.READY),
    Move.PURGE: (State.READY, State.CANCELLED),
    Move.REDRIVE: (State.DEAD, State.READY),
}
