"""How long does it stay right under attack? `python -m tests.chaos --minutes 30`, or `make chaos`.

Plays histories until the time is over; prints and writes totals after each. Exits with 1 after the first
history with a violation and leaves its folder: logs, database, what every process had reached.
"""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from tests.chaos.history import play
from tests.chaos.totals import Totals
from tests.ledger.postgres import Postgres, why_not

HISTORY_S = 40.0
LOSSES_EVERY = 4  # one history of so many also loses the store's data


@contextmanager
def database(wants_postgres: bool) -> Iterator[str]:
    """An empty PostgreSQL where there is one; else nothing, which stands for SQLite."""
    if not wants_postgres or why_not() is not None:
        yield ""
        return
    server = Postgres()
    try:
        yield server.start().url
    finally:
        server.remove()


def main(arguments: Sequence[str]) -> int:
    """Play histories; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, default=HISTORY_S, help="of faults in one history")
    parser.add_argument("--seed", type=int, default=None, help="of the first history; the next has one more")
    parser.add_argument("--totals", type=Path, default=Path("chaos-totals.json"))
    told = parser.parse_args(arguments)
    seed = secrets.randbelow(1_000_000) if told.seed is None else told.seed
    totals, end_s = Totals(), time.monotonic() + told.minutes * 60
    while not totals.violations and (not totals.histories or time.monotonic() < end_s):
        folder = Path(tempfile.mkdtemp(prefix=f"onebeat-chaos-{seed}-"))
        losses = totals.histories % LOSSES_EVERY == LOSSES_EVERY - 1
        with database(totals.histories % 2 == 1) as url:
            report = play(folder, seed, told.seconds, losses=losses, database=url)
        totals.add(report)
        told.totals.write_text(json.dumps(vars(totals) | totals.summary(), indent=1))
        where = f"on {make_url(url or 'sqlite://').get_backend_name()}{', with data loss' if losses else ''}"
        print(f"seed {seed} {where}: {totals.line()}", flush=True)
        if report.violations:
            print("\n".join(report.violations), f"what was left behind: {folder}", sep="\n")
        else:
            shutil.rmtree(folder)
        seed += 1
    print(totals.table())
    return 1 if totals.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
