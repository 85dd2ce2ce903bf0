"""Do thousands of histories keep every invariant? Several processes, each with a store of its own."""

from __future__ import annotations

import heapq
import logging
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.interleave.history import play
from tests.interleave.processes import pool_of
from tests.interleave.scenarios import SCENARIOS, SHARES
from tests.interleave.shrink import shrink
from tests.interleave.timeline import as_text, save
from tests.interleave.world import World


@dataclass
class Tally:
    """What came of a campaign; `broken` has the text and the page of each failure."""

    histories: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    broken: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: Tally) -> None:
        self.histories += other.histories
        self.reached += other.reached
        self.broken += other.broken
        self.seconds = max(self.seconds, other.seconds)

    def summary(self) -> dict[str, Any]:
        """For people and for JSON."""
        total = sum(self.histories.values())
        return {
            "total": total,
            "per_second": round(total / max(self.seconds, 0.001), 1),
            "histories": dict(self.histories),
            "reached": dict(sorted(self.reached.items())),
            "broken": self.broken,
        }


def shares(histories: int, scenario: str | None) -> dict[str, int]:
    """How many histories each scenario gets."""
    if scenario is not None:
        return {scenario: histories}
    return {name: round(histories * share) for name, share in SHARES.items()}


def seeds(first: int, histories: dict[str, int]) -> Iterator[tuple[str, int]]:
    """The scenarios in turn, with their seeds: the n-th history of a scenario has seed `first + n`."""

    def of_one(name: str, count: int) -> Iterator[tuple[float, str, int]]:
        return ((n / count, name, first + n) for n in range(count))

    for _, name, seed in heapq.merge(*(of_one(name, count) for name, count in histories.items())):
        yield name, seed


def campaign(histories: dict[str, int], first: int, *, stop_s: float = 0.0, failures_max: int = 1) -> Tally:
    """Play them in this process, until `failures_max` failed or `stop_s` seconds are over (0: no limit)."""
    logging.disable(logging.CRITICAL)  # processes that lose leases by the thousand
    tally, began_s = Tally(), time.monotonic()
    world = World()
    try:
        able = {
            name: count
            for name, count in histories.items()
            if world.preloaded or not SCENARIOS[name].ends_exactly
        }
        for name, seed in seeds(first, able):
            told = play(world, SCENARIOS[name], seed)
            tally.histories[name] += 1
            tally.reached.update(f"{name}: {what}" for what in told.reached)
            if told.violation is not None:
                short = shrink(world, SCENARIOS[name], told)
                shown = short if short.violation else told
                page = str(save(shown))
                tally.broken.append({"scenario": name, "seed": seed, "page": page, "text": as_text(shown)})
            tally.seconds = time.monotonic() - began_s
            if len(tally.broken) >= failures_max or (stop_s and tally.seconds > stop_s):
                break
    finally:
        world.close()
        logging.disable(logging.NOTSET)
    return tally


def campaign_in_processes(
    histories: dict[str, int], first: int, processes: int, *, stop_s: float = 0.0, failures_max: int = 1
) -> Tally:
    """The same, shared by processes whose seeds do not meet."""
    if processes <= 1:
        return campaign(histories, first, stop_s=stop_s, failures_max=failures_max)
    tally = Tally()
    counts = {name: -(-count // processes) for name, count in histories.items()}
    with pool_of(processes) as pool:
        longest = max(counts.values())
        parts = [
            pool.apply_async(
                campaign, (counts, first + n * longest), {"stop_s": stop_s, "failures_max": failures_max}
            )
            for n in range(processes)
        ]
        for part in parts:
            tally.add(part.get())
    return tally


def fresh_seed() -> int:
    """A new one for every campaign; it is always shown."""
    return random.SystemRandom().randrange(1 << 40)
