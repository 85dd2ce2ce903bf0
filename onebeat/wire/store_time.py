"""What time is it at the store? Leases and due times are told in its time, never in a client's."""

from __future__ import annotations

from onebeat.wire.patience import insist
from onebeat.wire.steps import Command, Protocol


def store_now_ms(within_s: float = 0.0) -> Protocol[int]:
    """Redis TIME, ms; asked again for at most `within_s` seconds (0: once).

    Raises:
        StoreError: it does not answer.
    """
    seconds, micros = yield from insist(Command(("TIME",)), within_s=within_s)
    return int(seconds) * 1000 + int(micros) // 1000
