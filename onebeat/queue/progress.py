"""How far does a run say that it is? Its own words, kept while it runs."""

from __future__ import annotations

import math

import msgspec

from onebeat.keys import QueueKeys
from onebeat.wire import Command, Protocol, insist

NOTE_MAX = 200  # characters


class Progress(msgspec.Struct, frozen=True):
    """`done` of `total` (None: nobody knows), a note for people, and when the store heard of it, Redis ms."""

    done: float
    total: float | None = None
    note: str = ""
    at_ms: int = 0


def encoded(done: float, total: float | None, note: str) -> bytes:
    """The JSON that `cycle` stores; the note shortened to 200 characters on one line.

    Raises:
        ValueError: a number that is negative or not finite.
    """
    for number in (done, 0 if total is None else total):
        if not (isinstance(number, (int, float)) and math.isfinite(number) and number >= 0):
            raise ValueError(f"progress({done!r}, {total!r}): give finite numbers of at least 0")
    text = " ".join(str(note).encode("utf-8", "replace").decode().split())
    return msgspec.json.encode(Progress(done, total, text[:NOTE_MAX]))


def progress(keys: QueueKeys, id_: str, *, within_s: float) -> Protocol[Progress | None]:
    """How far the run of the message `id_` is; None when it has not said so, or does not run."""
    told: bytes | None = yield from insist(Command(("HGET", keys.progress, id_)), within_s=within_s)
    if told is None:
        return None
    at_ms, _, note = told.partition(b" ")
    return msgspec.structs.replace(msgspec.json.decode(note, type=Progress), at_ms=int(at_ms))
