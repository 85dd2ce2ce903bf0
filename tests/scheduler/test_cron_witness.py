"""Does croniter read each field as we do, where it has no bug that we know of?"""

from __future__ import annotations

import random

import pytest
from croniter import croniter

from onebeat.scheduler.cron_fields import read_cron

FRESH = random.SystemRandom().randrange(10**9)
FIELDS = (
    # position, low, high, names
    (0, 0, 59, ()),
    (1, 0, 23, ()),
    (2, 1, 31, ()),
    (3, 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    (4, 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
MASKS = ("minutes", "hours", "days", "months", "weekdays")


def element(luck: random.Random, low: int, high: int, names: tuple[str, ...]) -> str:
    first = luck.randint(low, high - 2)
    last = luck.randint(first + 1, high)
    written = [str(first), str(last)]
    if names and luck.random() < 0.4:
        written = [names[first - low], names[last - low]]
    span = "-".join(written)
    match luck.choice(("one", "range", "steps", "all", "open")):
        case "one":
            return luck.choice(written)
        case "steps":
            return f"{span}/{luck.randint(1, last - first)}"
        case "all":
            return f"*/{luck.randint(1, high - low)}"
        case "open":
            return f"{first}/{luck.randint(1, high - first)}"
    return span


@pytest.mark.parametrize("seed", [1, FRESH], ids=["1", "fresh"])
def test_croniter_agrees(seed: int) -> None:
    luck = random.Random(seed)
    for _ in range(400):
        position, low, high, names = luck.choice(FIELDS)
        fields = ["*"] * 5
        fields[position] = ",".join(element(luck, low, high, names) for _ in range(luck.randint(1, 3)))
        text = " ".join(fields)
        values = croniter.expand(text)[0][position]
        expected = range(low, high + 1) if values == ["*"] else map(int, values)
        bits = sum(1 << value for value in expected)
        assert getattr(read_cron(text), MASKS[position]) == bits, f"seed {seed}: {text}"
