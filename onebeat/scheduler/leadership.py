"""Which beat emits first? A lease that only saves work: safety is the cursor's compare-and-set."""

from __future__ import annotations

from onebeat.keys import SpaceKeys
from onebeat.wire import Protocol, insist, load_all

LEAD, RESIGN = load_all("scheduler", ("lead", "resign"))
LEASE_MS = 1_500
LEADER_EVERY_S = 0.3
STANDBY_EVERY_S = 0.15  # how soon a standby learns that the leader resigned
DEPUTY_MS = 500  # a standby emits what is later than this, whoever leads


def lead(space: SpaceKeys, token: str, card: bytes, *, within_s: float) -> Protocol[tuple[int, bool]]:
    """Redis now in ms, and whether the beat `token` leads for the next `LEASE_MS`."""
    call = LEAD.call(leader=space.leader, beats=space.beats, token=token, lease_ms=LEASE_MS, card=card)
    now, leads = yield from insist(call, within_s=within_s)
    return int(now), bool(leads)


def resign(space: SpaceKeys, token: str, *, within_s: float) -> Protocol[bool]:
    """Whether it led; it does not any more."""
    answer = yield from insist(
        RESIGN.call(leader=space.leader, beats=space.beats, token=token), within_s=within_s
    )
    return bool(answer)
