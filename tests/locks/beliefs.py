"""What did the processes of a torture believe, and did any two believe too much? Pure, but for reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.locks.linear import Op, first_unexplained
from tests.locks.recorded import lines_of


@dataclass
class Belief:
    """One process was sure to hold the lock from here to there; monotonic seconds."""

    fence: int
    from_s: float
    to_s: float


@dataclass
class Report:
    """What came of a run; `broken` says which promise was not kept."""

    beliefs: list[Belief] = field(default_factory=list)
    hits: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    calls: int = 0  # that were put into one order
    longest_free_s: float = 0.0
    stood_still: list[tuple[float, float]] = field(default_factory=list)  # the machine, not the lock
    still_meanwhile_s: float = 0.0  # of that longest time
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        hits = ", ".join(f"{count} × {hit}" for hit, count in sorted(self.hits.items()))
        stalls = [to_s - from_s for from_s, to_s in self.stood_still]
        return (
            f"{len(self.beliefs)} holds in {self.calls} calls and ends of leases; {hits}; "
            f"{self.errors} calls failed\n"
            f"longest time without a holder {self.longest_free_s:.2f} s, "
            f"in which the machine stood still for {self.still_meanwhile_s:.2f} s\n"
            f"longest stall of the machine {max(stalls, default=0.0):.2f} s; {len(stalls)} stalls, "
            f"{sum(stalls):.1f} s in all\n" + ("\n".join(self.broken) or "every promise was kept")
        )


def beliefs_in(folder: Path, report: Report) -> None:
    """Read what the processes were sure of."""
    for file in sorted(folder.glob("*.jsonl")):
        latest: Belief | None = None
        for what, *rest in lines_of(file):
            if what == "error":
                report.errors += 1
            elif what == "granted":
                latest = Belief(rest[0], rest[1], rest[1])
                report.beliefs.append(latest)
            elif what in ("valid", "ends") and latest is not None:
                latest.to_s = max(latest.to_s, rest[1])


def judge_order(calls: Sequence[Op], report: Report) -> None:
    """Is there one order of all calls that explains every answer?"""
    report.calls = len(calls)
    if unexplained := first_unexplained(calls):
        report.broken.append(f"no order of the calls explains that {unexplained}")


def judge(report: Report) -> None:
    """Compare every belief with the one before it."""
    fences = Counter(belief.fence for belief in report.beliefs)
    report.broken += [
        f"fence {fence} was given {count} times" for fence, count in fences.items() if count > 1
    ]
    report.beliefs.sort(key=lambda belief: belief.from_s)
    before: Belief | None = None
    for belief in report.beliefs:
        if belief.to_s <= belief.from_s:
            continue  # granted, and over before its holder could look
        if before is not None:
            if belief.from_s < before.to_s:
                report.broken.append(f"two holders at {belief.from_s:.6f}: {before} and {belief}")
            if belief.fence <= before.fence:
                report.broken.append(f"fence {belief.fence} after {before.fence}")
            free_s = belief.from_s - before.to_s
            if free_s > report.longest_free_s:
                report.longest_free_s = free_s
                report.still_meanwhile_s = sum(
                    max(0.0, min(to_s, belief.from_s) - max(from_s, before.to_s))
                    for from_s, to_s in report.stood_still
                )
        before = belief
