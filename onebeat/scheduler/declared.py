"""What does the running configuration declare? Written down by the beat that runs it, for `onebeat plan`."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from onebeat.keys import SpaceKeys
from onebeat.scheduler.changes import described
from onebeat.scheduler.schedule import Schedule
from onebeat.wire import Command, Protocol, insist

SCHEDULES_MAX = 20_000  # of more only the hash is written: a beat has better things to do
_BYTES_MAX = 64_000_000


@dataclass(frozen=True, slots=True)
class Declared:
    """The configuration with the hash `config`; `schedules` is None when there are too many to be told."""

    config: str = ""
    schedules: Mapping[str, Mapping[str, str]] | None = field(default_factory=dict)


def publish(
    space: SpaceKeys, schedules: Sequence[Schedule], config: str, *, within_s: float
) -> Protocol[None]:
    """Write down what is declared."""
    words = None if len(schedules) > SCHEDULES_MAX else {one.id: described(one) for one in schedules}
    told = zlib.compress(msgspec.json.encode(Declared(config, words)))
    yield from insist(Command(("SET", space.declared, told)), within_s=within_s)


def declared(space: SpaceKeys) -> Protocol[Declared]:
    """What was written down last; nothing declared when no beat ever did, or another release wrote it."""
    told = yield Command(("GET", space.declared))
    if not told:
        return Declared()
    try:
        return msgspec.json.decode(zlib.decompressobj().decompress(told, _BYTES_MAX), type=Declared)
    except (zlib.error, msgspec.MsgspecError):
        return Declared()
