"""Does the checker find every seeded bug within its budget, and after how many histories?"""

from __future__ import annotations

import logging
import multiprocessing
import re
from dataclasses import dataclass
from pathlib import Path

from tests.interleave.history import play
from tests.interleave.mutants import MUTANTS, Mutant
from tests.interleave.mutate import ROOT, applied
from tests.interleave.scenarios import SCENARIOS
from tests.interleave.world import World

FIRST_SEED = 10_000  # the same for all, so that the table repeats
PAGE = ROOT / "docs" / "explanation" / "proof.md"
_BEGIN, _END = "<!-- mutants: begin -->", "<!-- mutants: end -->"


@dataclass(frozen=True, slots=True)
class Hunt:
    """What came of one mutant: how many histories were played, and which invariant the last one broke."""

    name: str
    histories: int
    invariant: str = ""
    what: str = ""


def hunt(world: World, mutant: Mutant) -> Hunt:
    """Play histories with the bug in place until one fails or the budget is over."""
    with applied(mutant):
        for number in range(mutant.budget):
            told = play(world, SCENARIOS[mutant.scenario], FIRST_SEED + number)
            if told.violation is not None:
                return Hunt(mutant.name, number + 1, told.violation.name, str(told.violation))
    return Hunt(mutant.name, mutant.budget)


def hunt_all(names: list[str]) -> list[Hunt]:
    """Several mutants in this process, with one store."""
    logging.disable(logging.CRITICAL)
    world = World()
    try:
        return [hunt(world, mutant) for mutant in MUTANTS if mutant.name in names]
    finally:
        world.close()
        logging.disable(logging.NOTSET)


def hunt_in_processes(processes: int) -> list[Hunt]:
    """Every mutant, in the order of the list."""
    names = [mutant.name for mutant in MUTANTS]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        parts = pool.map(hunt_all, [names[n::processes] for n in range(processes)], chunksize=1)
    found = {one.name: one for part in parts for one in part}
    return [found[name] for name in names]


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
