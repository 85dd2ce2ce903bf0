"""What does a person run by hand?

python -m tests.interleave --histories 10000 --seed 7            every scenario, a summary as JSON
python -m tests.interleave --scenario locks --seed 7 --histories 1   one history again, with its trace
python -m tests.interleave --choices folder/choices.json         a shrunk history again
python -m tests.interleave --hours 8                             all night (make torture HOURS=8); with
                                                                 --histories, until either is reached
python -m tests.interleave --mutants                             every seeded bug; writes the docs' table
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from pathlib import Path

from tests.interleave.campaign import campaign_in_processes, fresh_seed, shares
from tests.interleave.choices import told_again
from tests.interleave.gate import MUTANTS, hunt_in_processes, table, write_table
from tests.interleave.history import play
from tests.interleave.processes import end_tidily
from tests.interleave.scenarios import SCENARIOS
from tests.interleave.timeline import as_text
from tests.interleave.world import World

HISTORIES, TORTURE_MAX = 1_000, 100_000_000


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m tests.interleave")
    reader.add_argument("--histories", type=int, default=None)
    reader.add_argument("--hours", type=float, default=0.0)
    reader.add_argument("--seed", type=int, default=None)
    reader.add_argument("--scenario", choices=sorted(SCENARIOS), default=None)
    reader.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    reader.add_argument("--choices", type=Path, default=None)
    reader.add_argument("--mutants", action="store_true")
    asked = reader.parse_args()
    end_tidily()
    if asked.mutants:
        return _mutants(asked.processes)
    if asked.choices is not None:
        kept = json.loads(asked.choices.read_text(encoding="utf-8"))
        return _once(kept["scenario"], kept["seed"], kept["choices"])
    if asked.histories == 1 and asked.scenario and asked.seed is not None:
        return _once(asked.scenario, asked.seed, None)
    seed = fresh_seed() if asked.seed is None else asked.seed
    print(f"seed {seed}", file=sys.stderr)
    counts = shares(asked.histories or (TORTURE_MAX if asked.hours else HISTORIES), asked.scenario)
    tally = campaign_in_processes(counts, seed, asked.processes, stop_s=asked.hours * 3600)
    for broken in tally.broken:
        print(broken["text"], f"\nsee {broken['page']}\n", file=sys.stderr)
    print(json.dumps({"seed": seed, **tally.summary()}, indent=2))
    return 1 if tally.broken else 0


def _once(scenario: str, seed: int, choices: list[list[object]] | None) -> int:
    logging.disable(logging.CRITICAL)
    world = World()
    try:
        again = None if choices is None else told_again(choices)
        told = play(world, SCENARIOS[scenario], seed, again, keep_trace=True)
    finally:
        world.close()
    print(as_text(told))
    return 1 if told.violation else 0


def _mutants(processes: int) -> int:
    hunts = hunt_in_processes(processes)
    write_table(hunts)
    print(table(hunts))
    caught_by = {mutant.name: mutant.caught_by for mutant in MUTANTS}
    return 0 if all(one.invariant in caught_by[one.name] for one in hunts) else 1


if __name__ == "__main__":
    sys.exit(main())
