"""Does the checker find every seeded bug within its budget, and after how many histories?"""

from __future__ import annotations

import json
import logging
import multiprocessing.util
import re
from dataclasses import dataclass
from pathlib import Path

from tests.interleave.choices import told_again
from tests.interleave.history import play
from tests.interleave.mutants import MUTANTS, Mutant
from tests.interleave.mutate import ROOT, applied
from tests.interleave.processes import pool_of
from tests.interleave.scenarios import SCENARIOS
from tests.interleave.world import World

ONCE = json.loads(Path(__file__).with_name("regressions.json").read_text(encoding="utf-8"))
FIRST_SEED = 10_000  # the same for all, so that the table repeats
PAGE = ROOT / "docs" / "explanation" / "proof.md"
_world: World | None = None  # of this process, when it is one of a pool
_BEGIN, _END = "<!-- mutants: begin -->", "<!-- mutants: end -->"


@dataclass(frozen=True, slots=True)
class Hunt:
    """What came of one mutant: how many histories were played, and which invariant the last one broke."""

    name: str
    histories: int
    invariant: str = ""
    what: str = ""


def hunt(world: World, mutant: Mutant) -> Hunt:
    """Play histories with the bug in place until one fails or the budget is over; kept ones first."""
    with applied(mutant):
        for kept in (one for one in ONCE if one["mutant"] == mutant.name):
            told = play(world, SCENARIOS[mutant.scenario], kept["seed"], told_again(kept["choices"]))
            if told.violation is not None:
                return Hunt(mutant.name, 1, told.violation.name, str(told.violation))
        for number in range(mutant.budget):
            told = play(world, SCENARIOS[mutant.scenario], FIRST_SEED + number)
            if told.violation is not None:
                return Hunt(mutant.name, number + 1, told.violation.name, str(told.violation))
    return Hunt(mutant.name, mutant.budget)


def hunt_one(number: int) -> Hunt:
    """The bug with this number, in a process of the pool; the next one finds the store where it is."""
    global _world
    logging.disable(logging.CRITICAL)
    if _world is None:
        _world = World()
        multiprocessing.util.Finalize(_world, _world.close, exitpriority=10)
    return hunt(_world, MUTANTS[number])


def hunt_in_processes(processes: int) -> list[Hunt]:
    """Every mutant, in the order of the list; who is done with one takes the next."""
    with pool_of(processes) as pool:
        hunts = pool.map(hunt_one, range(len(MUTANTS)), chunksize=1)
        pool.close()
        pool.join()
    return hunts


def table(hunts: list[Hunt]) -> str:
    """The rows for people."""
    by_name = {mutant.name: mutant for mutant in MUTANTS}
    rows = ["| seeded bug | where | found after | by |", "|---|---|---:|---|"]
    for one in hunts:
        mutant = by_name[one.name]
        count = "1 history" if one.histories == 1 else f"{one.histories} histories"
        where = mutant.file.removeprefix("onebeat/")
        rows.append(f"| {one.name} | `{where}` | {count} | {one.invariant or '**nothing**'} |")
    return "\n".join(rows)


def write_table(hunts: list[Hunt], page: Path = PAGE) -> None:
    """Replace the table of the documentation page."""
    text = page.read_text(encoding="utf-8")
    inside = f"{_BEGIN}\n{table(hunts)}\n{_END}"
    page.write_text(
        re.sub(re.escape(_BEGIN) + ".*" + re.escape(_END), lambda _: inside, text, flags=re.S),
        encoding="utf-8",
    )


def names_in_table(page: Path = PAGE) -> list[str]:
    """Which bugs the documentation lists."""
    text = page.read_text(encoding="utf-8").partition(_BEGIN)[2].partition(_END)[0]
    return re.findall(r"^\| (.+?) \| `", text, flags=re.M)
