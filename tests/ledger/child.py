"""What does one process of these tests do? `python -m tests.ledger.child <what> <url>`.

race    create the tables and perform one entry, when told to by a line on stdin; print whether it replayed
before  be killed after the handler, before COMMIT is sent
after   be killed when COMMIT has been answered, before anyone hears of it
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from sqlalchemy import event

from onebeat.ledger import AsyncLedger, Ledger
from tests.ledger.shop import METADATA, adds, at_once, entry, sure


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def race(url: str) -> bool:
    ledger = Ledger(url)
    print("ready", flush=True)
    sys.stdin.readline()
    ledger.create_tables()
    replayed = ledger.perform(entry(), at_once(adds("a", result=1)), confirm=sure).replayed
    ledger.close()
    return replayed


async def race_async(url: str) -> bool:
    ledger = AsyncLedger(url)
    print("ready", flush=True)
    sys.stdin.readline()
    await ledger.create_tables()
    done = await ledger.perform(entry(), adds("a", result=1), confirm=sure)
    await ledger.close()
    return done.replayed


def killed_before(url: str) -> None:
    Ledger(url).perform(entry(resource="r"), at_once(adds("a", result=1)), confirm=die)


def killed_after(url: str) -> None:
    def work(session: Any) -> Any:
        event.listen(session, "after_commit", lambda _session: die())
        return at_once(adds("a", result=1))(session)

    Ledger(url).perform(entry(resource="r"), work, confirm=sure)


def main(what: str, url: str) -> None:
    assert METADATA.tables
    if what == "race":
        print(race(url))
    elif what == "race_async":
        print(asyncio.run(race_async(url)))
    elif what == "before":
        killed_before(url)
    elif what == "after":
        killed_after(url)


if __name__ == "__main__":
    main(*sys.argv[1:])
