"""Run the benchmarks: `python -m benchmarks [--rounds N] [--scale X] [--only TEXT] [--out FILE]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.harness import RESULTS, Line, keep, measure, table
from benchmarks.lines import all_lines
from benchmarks.locks.lines import absent
from benchmarks.place import private_place


def main(words: list[str]) -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each line runs, in turn")
    parser.add_argument("--scale", type=float, default=1.0, help="times the size of each line")
    parser.add_argument("--only", default="", help="lines whose name contains this")
    parser.add_argument("--out", type=Path, default=RESULTS / "latest.json", help="where the result is kept")
    asked = parser.parse_args(words)
    if absent():
        print(f"not measured, because not installed: {', '.join(absent())}", file=sys.stderr)
    with private_place() as place:
        lines = chosen(all_lines(place), asked.only)
        result = measure(lines, asked.rounds, asked.scale, lambda text: print(text, file=sys.stderr))
    keep(result, asked.out)
    print(table(result))
    return 0


def chosen(lines: list[Line], only: str) -> list[Line]:
    """The lines whose name contains `only`, and the floors of those."""
    asked = [line for line in lines if only in line.name]
    floors = {line.floor for line in asked}
    return [line for line in lines if line in asked or line.name in floors]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
