"""What is held in a namespace, of every kind, for people?"""

from __future__ import annotations

import re
from typing import Any

from onebeat.keys import LockKeys, ShareKeys
from onebeat.locks import view
from onebeat.locks.calls import text_of
from onebeat.locks.protocol import INSIST_S
from onebeat.locks.roster import Permit, Roster, roster
from onebeat.locks.view import Holder
from onebeat.wire import Command, Protocol, insist

SCAN_COUNT = 500


def holders_of(namespace: str) -> Protocol[list[Holder]]:
    """Every held lock of `namespace` and, of each share, the first 64 who are in; by name.

    Reads the whole key space, in small steps.

    Raises:
        StoreError: no answer, or refused.
    """
    found: list[Holder] = []
    for name, of_lock in (yield from _names(namespace)):
        if of_lock:
            held = yield from view.peek(LockKeys(namespace, name))
            found += [held] if held else []
        else:
            shared = yield from roster(ShareKeys(namespace, name))
            found += holders_in(shared)
    return found


def holders_in(shared: Roster) -> list[Holder]:
    """The first 64 who are in, each as a holder."""
    return [_holder(shared, permit) for permit in shared.permits]


def _holder(shared: Roster, permit: Permit) -> Holder:
    return Holder(
        shared.name,
        permit.token,
        permit.who.host,
        permit.who.pid,
        permit.since_ms,
        shared.now_ms,
        permit.remaining_ms,
        permit.fence,
        shared.waiters,
        permit.who.task,
        permit.who.message,
        permit.who.kind,
        permit.who.limit,
        permit.who.beside,
    )


def _names(namespace: str) -> Protocol[list[tuple[str, bool]]]:
    """The names that somebody holds, sorted, and whether it is a lock (or else a share)."""
    form = re.compile(rf"ob:{{{re.escape(namespace)}:(?:lock:(.*)}}:owner|share:(.*)}}:permits)", re.DOTALL)
    found: set[tuple[str, bool]] = set()
    cursor: Any = 0
    while True:
        scan = Command(("SCAN", cursor, "MATCH", f"ob:{{{namespace}:[ls]*}}:[op]*", "COUNT", SCAN_COUNT))
        cursor, keys = yield from insist(scan, within_s=INSIST_S)
        for key in keys:
            if match := form.fullmatch(text_of(key)):
                found.add((match[1] or match[2], match[1] is not None))
        if int(cursor) == 0:
            return sorted(found)
