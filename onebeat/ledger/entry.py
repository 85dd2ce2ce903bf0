"""What is one effect called, and what came of it? Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Generic, TypeVar

T = TypeVar("T")


def entry_key(namespace: str, task: str, key: str) -> str:
    """The ledger's name (64 hex digits) for the effect of `task` under idempotency key `key`."""
    # Lengths keep the parts apart: ("a", "bc") and ("ab", "c") must not meet.
    spelled = "".join(f"{len(part)}:{part}" for part in (namespace, task, key))
    return sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Entry:
    """What an attempt tells the ledger before it works.

    `key` is the idempotency key (by default the message id); `fingerprint` a hash of the arguments;
    `fence` the number that came with the claim, or with the singleton's lock when `resource` names
    what that lock protects. The row is kept for `retention_s` seconds, which must cover every retry,
    redelivery and catch-up of the message.
    """

    namespace: str
    task: str
    key: str
    fingerprint: str
    message_id: str
    fence: int
    resource: str | None
    retention_s: float

    @cached_property
    def digest(self) -> str:
        """The primary key of the ledger's row."""
        return entry_key(self.namespace, self.task, self.key)


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The effect is committed. A replayed `result` is what JSON kept; `note` says why it kept nothing."""

    result: T
    replayed: bool
    note: str | None = None
