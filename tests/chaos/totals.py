"""What do many histories add up to? Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.history import Report


@dataclass
class Totals:
    """Histories, faults by kind, violations, and recovery times (ms) of beat, worker and store."""

    histories: int = 0
    seconds: float = 0.0
    runs: int = 0
    calls: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    recovery_ms: dict[str, list[int]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def add(self, report: Report) -> None:
        """One more history."""
        self.histories += 1
        self.seconds += report.seconds
        self.runs += report.runs
        self.calls += report.calls
        self.faults.update(report.faults)
        for who, times_ms in report.recovery_ms.items():
            self.recovery_ms.setdefault(who, []).extend(times_ms)
        self.violations += [f"seed {report.seed}: {one}" for one in report.violations]

    def summary(self) -> dict[str, Any]:
        """Recovery times as count, p50, p99 and max."""
        return {"recovery": {who: spread(times_ms) for who, times_ms in self.recovery_ms.items()}}

    def line(self) -> str:
        """Where it stands."""
        return (
            f"{self.histories} histories, {self.faults.total()} faults of {len(self.faults)} kinds, "
            f"{self.runs} fires, {self.calls} calls, {len(self.violations)} violations"
        )

    def table(self) -> str:
        """For people."""
        lines = [self.line(), ""]
        lines += [f"{name:<40}{count:>6}" for name, count in sorted(self.faults.items())]
        lines += ["", f"{'recovery, ms':<24}{'count':>8}{'p50':>8}{'p99':>8}{'max':>8}"]
        for who, times_ms in self.recovery_ms.items():
            row = spread(times_ms)
            lines.append(f"{who:<24}" + "".join(f"{row[name]:>8}" for name in ("count", "p50", "p99", "max")))
        return "\n".join(lines)


def spread(times_ms: Sequence[int]) -> dict[str, int]:
    """Count, median, 99th percentile (nearest rank) and maximum; zeros for none."""
    ranked = sorted(times_ms)
    if not ranked:
        return {"count": 0, "p50": 0, "p99": 0, "max": 0}
    at = {name: ranked[-(-len(ranked) * part // 100) - 1] for name, part in (("p50", 50), ("p99", 99))}
    return {"count": len(ranked), **at, "max": ranked[-1]}
