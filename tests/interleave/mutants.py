"""Which bugs must the checker find? Each is a patch of production code, in `seeded/*.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

BUDGET = 600
_FOLDER = Path(__file__).with_name("seeded")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One seeded bug.

    `edits` are (old text, new text); each old one stands exactly once in the file. `caught_by` are the
    invariants by which it may be found, `budget` the histories of `scenario` within which it must be.
    """

    name: str
    scenario: str
    file: str
    edits: tuple[tuple[str, str], ...]
    caught_by: tuple[str, ...]
    budget: int = BUDGET


def read(scenario: str) -> tuple[Mutant, ...]:
    """The bugs that histories of `scenario` must show."""
    rows = tomllib.loads((_FOLDER / f"{scenario}.toml").read_text(encoding="utf-8"))["mutant"]
    return tuple(
        Mutant(
            row["name"],
            scenario,
            row["file"],
            tuple((edit["old"], edit["new"]) for edit in row["edits"]),
            tuple(row["caught_by"]),
            row.get("budget", BUDGET),
        )
        for row in rows
    )


MUTANTS = tuple(mutant for file in sorted(_FOLDER.glob("*.toml")) for mutant in read(file.stem))
