"""How is a figure measured so that it can be trusted on a noisy machine?

Every line runs once per round, the lines in turn (A B C A B C …), so that a change of the machine's speed
meets all of them; the median of the rounds is the figure, min and max say how noisy it was, and a ratio is
the median of the ratios of one round.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TypeAlias

Figures: TypeAlias = dict[str, float]
RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("redis", "hiredis", "uvloop", "sqlalchemy", "apscheduler", "croniter", "cronsim", "msgspec")
PEERS = ("python-redis-lock", "pottery")  # of the extra `bench`


@dataclass(frozen=True)
class Line:
    """One thing that is measured: `run(size)` answers figures by name."""

    name: str
    size: int
    run: Callable[[int], Figures]
    floor: str = ""  # the line whose figure is the floor of this one


@dataclass
class Report:
    """Figures per line and name, one value per round."""

    rounds: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, line: Line, figures: Figures) -> None:
        for name, value in figures.items():
            self.rounds.setdefault(line.name, {}).setdefault(name, []).append(value)

    def rows(self, lines: Sequence[Line]) -> list[dict[str, object]]:
        """One row per figure: median, min, max, and the ratio to the floor's figure of the same name."""
        rows = []
        for line in lines:
            for name, values in self.rounds[line.name].items():
                row: dict[str, object] = {
                    "line": line.name,
                    "figure": name,
                    "median": round(median(values), 3),
                    "min": round(min(values), 3),
                    "max": round(max(values), 3),
                }
                floors = self.rounds.get(line.floor, {}).get(name)
                if floors and all(floors):  # a round can be too short for the clock of the processor
                    ratios = [value / floor for value, floor in zip(values, floors, strict=True)]
                    row["floor"], row["ratio"] = line.floor, round(median(ratios), 3)
                rows.append(row)
        return rows


def measure(
    lines: Sequence[Line], rounds: int, scale: float, say: Callable[[str], None]
) -> dict[str, object]:
    """Run `lines` in turn, `rounds` times, their sizes times `scale`; what is printed and kept."""
    report = Report()
    for number in range(rounds):
        for line in lines:
            figures = line.run(max(1, int(line.size * scale)))
            report.add(line, figures)
            shown = "  ".join(f"{name} {value:,.2f}" for name, value in figures.items())
            say(f"round {number + 1}/{rounds}  {line.name}: {shown}")
    return {
        "schema": "onebeat.benchmark/1",
        "rounds": rounds,
        "scale": scale,
        "machine": {
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],  # of the last minute: well above the cores, the figures mean little
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "versions": {name: version(name) for name in LIBRARIES} | dict(_peers()),
        "commit": _commit(),
        "rows": report.rows(lines),
    }


def _peers() -> Iterator[tuple[str, str]]:
    for name in PEERS:
        with suppress(PackageNotFoundError):
            yield name, version(name)


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        cwd=RESULTS.parent,
        check=False,
    )
    return found.stdout.strip()


def table(result: dict[str, object]) -> str:
    """The rows for a person."""
    lines = [f"{'line':46}{'figure':23}{'median':>12}{'min':>12}{'max':>12}  ratio to floor"]
    rows = result["rows"]
    assert isinstance(rows, list)
    for row in rows:
        ratio = f"{row['ratio']:.2f} × {row['floor']}" if "ratio" in row else ""
        lines.append(
            f"{row['line']:46}{row['figure']:23}"
            f"{row['median']:>12,.2f}{row['min']:>12,.2f}{row['max']:>12,.2f}  {ratio}"
        )
    return "\n".join(lines)


def keep(result: dict[str, object], path: Path) -> None:
    """Write the result as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass
class Stopwatch:
    """Wall and processor seconds of a block: `with Stopwatch() as watch: …`."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def __enter__(self) -> Stopwatch:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_s, self.cpu_s = time.perf_counter() - self._wall, time.process_time() - self._cpu


def cpu_of(pid: int) -> float:
    """Processor seconds that a process has used (Linux), 0 elsewhere."""
    if sys.platform != "linux":
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb() -> float:
    """The peak memory of this process in MB."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1 << 20 if sys.platform == "darwin" else 1 << 10)
