"""What withstands hours of everything? `python -m tests.torture --hours 8`, or `make torture`.

Rounds of interleaved histories, of fuzzed inputs (guided by coverage where atheris is installed) and of cron
rules beside a simulation. After each round the running totals are printed and
written as JSON. Ends with 1 at the first failure, which says how to see it again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.interleave.campaign import campaign_in_processes, fresh_seed, shares

ROUND_S = 600.0
HISTORIES = 0.7  # of a round; the readers and the rest share what is left
HISTORIES_MAX = 100_000_000
CRON_CASES_PER_S = 300  # about what two busy cores do
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Totals:
    """`tried`: how many of each kind; `failures`: each with the text that shows it again."""

    began_s: float = field(default_factory=time.monotonic)
    seeds: list[int] = field(default_factory=list)
    tried: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, kind: str, count: int) -> None:
        self.tried[kind] = self.tried.get(kind, 0) + count

    def summary(self) -> dict[str, Any]:
        """For people and for JSON."""
        hours = (time.monotonic() - self.began_s) / 3600
        return {
            "hours": round(hours, 3),
            "tried": dict(sorted(self.tried.items())),
            "seeds": self.seeds,
            "violations": len(self.failures),
            "failures": self.failures,
        }


def interleave(totals: Totals, seconds: float) -> None:
    seed = fresh_seed()
    totals.seeds.append(seed)
    counts = shares(HISTORIES_MAX, None)
    tally = campaign_in_processes(counts, seed, min(2, os.cpu_count() or 1), stop_s=seconds)
    for scenario, count in tally.histories.items():
        totals.add(f"histories of {scenario}", count)
    totals.failures += [f"{one['text']}\nsee {one['page']}" for one in tally.broken]


def fuzz(totals: Totals, seconds: float) -> None:
    counts = run(totals, "tests.fuzz", "--seconds", str(max(1, round(seconds))))
    for kind, count in counts.items():
        totals.add(kind, count or 0)


def fuzz_guided(totals: Totals, seconds: float) -> None:
    if find_spec("atheris") is None:
        return
    from tests.fuzz.targets import TARGETS

    for name in TARGETS:
        share = ("--seconds", str(max(1, round(seconds / len(TARGETS)))), "--target", name)
        run(totals, "tests.fuzz", *share, "--atheris")
        totals.add(f"guided runs of {name}", 1)


def compare_cron(totals: Totals, seconds: float) -> None:
    counts = run(totals, "tests.scheduler", "--cases", str(max(100, round(seconds * CRON_CASES_PER_S))))
    for kind in ("cases", "fires"):
        totals.add(f"{kind} of cron", counts.get(kind, 0))


def run(totals: Totals, module: str, *words: str) -> dict[str, Any]:
    """One module as a program; the JSON object that it prints last or alone, empty when there is none."""
    argv = [sys.executable, "-m", module, *words]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        shown = f"{' '.join(argv[1:])} ended with {done.returncode}"
        totals.failures.append(f"{shown}:\n{done.stdout}{done.stderr}")
    for text in (done.stdout, done.stdout.strip().rpartition("\n")[2]):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        return found if isinstance(found, dict) else {}
    return {}


def main(arguments: Sequence[str]) -> int:
    """Rounds until the time is over; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=(__doc__ or "")[:60])
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--totals", type=Path, default=Path("torture-totals.json"))
    told = parser.parse_args(arguments)
    totals, whole_s = Totals(), told.hours * 3600
    while (left_s := whole_s - (time.monotonic() - totals.began_s)) > 0 and not totals.failures:
        round_s = min(ROUND_S, left_s)
        interleave(totals, round_s * HISTORIES)
        for one in (fuzz, fuzz_guided, compare_cron):
            if not totals.failures:
                one(totals, round_s * (1 - HISTORIES) / 3)
        shown = json.dumps(totals.summary())
        told.totals.write_text(shown + "\n", encoding="utf-8")
        print(shown, flush=True)
    return 1 if totals.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
