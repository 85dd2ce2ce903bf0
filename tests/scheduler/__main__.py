"""What does a person run by hand?

python -m tests.scheduler --cases 100000 --seed 7     evaluator against simulation; a summary as JSON
python -m tests.scheduler --differences               other libraries against the rule; writes the docs' table
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys

from tests.scheduler.differential import play_in_processes


def main() -> int:
    """Run what was asked for; 1 when something disagrees."""
    reader = argparse.ArgumentParser(prog="python -m tests.scheduler")
    reader.add_argument("--cases", type=int, default=100_000)
    reader.add_argument("--seed", type=int, default=None)
    reader.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    reader.add_argument("--differences", action="store_true")
    asked = reader.parse_args()
    if asked.differences:
        from tests.scheduler import others  # croniter, cronsim and APScheduler

        others.write_table(others.count())
        return 0
    seed = random.SystemRandom().randrange(10**9) if asked.seed is None else asked.seed
    print(f"seed {seed}", file=sys.stderr)
    tally = play_in_processes(seed, asked.cases, asked.processes)
    print(json.dumps({"seed": seed, **tally.summary()}, indent=2))
    return 1 if tally.disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
