"""What do a worker process and one of its runners, a process for CPU-bound tasks, say to each other?

Frames of msgpack, each behind its length. The runner gets the stored message, as it is, and nothing that
could become code; its answer is how the run ended.
"""

from __future__ import annotations

import struct
from typing import Any, TypeAlias

import msgspec

from onebeat.worker.outcome import Outcome

FD = "ONEBEAT_RUNNER_FD"
HEAD = struct.Struct(">I")


class Begin(msgspec.Struct, frozen=True, tag=True):
    """Run `record` with `fence`; `lock` names the singleton's resource, if it holds one."""

    record: bytes
    fence: int
    lock: str | None
    stopping: bool


class Tell(msgspec.Struct, frozen=True, tag=True):
    """The worker stops, or somebody asked for the end of this run."""

    cancel: bool = False


class Held(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Confirm`: empty when the singleton's lock is held, else why it is not."""

    lost: str = ""


class Confirm(msgspec.Struct, frozen=True, tag=True):
    """Is the singleton's lock still held? Asked before the effect is committed."""


class Awake(msgspec.Struct, frozen=True, tag=True):
    """Its tasks are imported."""


class Noted(msgspec.Struct, frozen=True, tag=True):
    """How far the run says that it is."""

    note: bytes


class Ended(msgspec.Struct, frozen=True, tag=True):
    """The run is over; `memory_mib` is what the runner takes now."""

    outcome: Outcome
    memory_mib: int


Word: TypeAlias = Begin | Tell | Held | Confirm | Awake | Noted | Ended
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Word).decode


def frame(word: Word) -> bytes:
    """The bytes of `word`, behind their length."""
    encoded = _encode(word)
    return HEAD.pack(len(encoded)) + encoded


def read(encoded: bytes) -> Any:
    """The word of `encoded`."""
    return _decode(encoded)
