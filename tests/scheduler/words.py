"""What might people write? Random cron expressions, biased towards the hours in which clocks change."""

from __future__ import annotations

import random

from tests.scheduler.oracle import BOUNDS, NAMES


def expression(luck: random.Random) -> str:
    """Five fields; fires a few times a day rather than every minute, so that a window stays small."""
    minute = _field(luck, 0, (0, 59), "single", "list", "range", "step", "start")
    hour = "*" if luck.random() < 0.25 else _field(luck, 1, (0, 4), "single", "list", "range")
    if luck.random() < 0.15:
        hour = f"*/{luck.randint(2, 6)}"
    day, month, weekday = "*", "*", "*"
    if luck.random() < 0.3:
        weekday = luck.choice(("mon-fri", "sun", "0", "7", "sat-sun", "5-7", "*/2", "sun,wed", "1-7/2"))
    if luck.random() < 0.2:
        day = luck.choice(("*/2", "1-15", "L", "8,9,26,30", "1-31/3", "*/5,9"))
    if luck.random() < 0.1:
        month = luck.choice(("*/2", "mar-nov", "1,3,4,10-12", "sep", "oct"))
    return f"{minute} {hour} {day} {month} {weekday}".lower()


def days(luck: random.Random) -> str:
    """Midnight on days chosen in every way there is."""
    day_words = (
        "l",
        "l-3",
        "l-30",
        "lw",
        "1w",
        "15w",
        "31w",
        "30w",
        "29",
        "1-7",
        "*/9",
        "13",
        "31",
        "8-14/3",
    )
    weekday_words = ("5l", "sunl", "mon#1", "7#2", "0#5", "fri", "sat-sun", "*/3", "2-6/2", "wed#3", "0-7")
    day = ",".join(luck.sample(day_words, luck.randint(1, 3))) if luck.random() < 0.7 else "*"
    weekday = ",".join(luck.sample(weekday_words, luck.randint(1, 2))) if luck.random() < 0.7 else "*"
    month = luck.choice(("*", "*", "2", "feb-jun", "*/5", "3/4", "dec", "jan,feb"))
    return f"0 0 {day} {month} {weekday}"


def _field(luck: random.Random, place: int, often: tuple[int, int], *shapes: str) -> str:
    low, high = BOUNDS[place]
    shape = luck.choice(shapes)
    numbers = sorted(luck.sample(range(often[0], often[1] + 1), 3))
    if place in NAMES:
        raise ValueError("only for the fields without names")
    match shape:
        case "single":
            return str(numbers[0])
        case "list":
            return ",".join(map(str, numbers))
        case "range":
            return f"{numbers[0]}-{numbers[2]}"
        case "step":
            return (
                f"{numbers[0]}-{high}/{luck.randint(7, 30)}"
                if high - numbers[0] >= 30
                else f"{low}-{high}/15"
            )
    return f"{numbers[0] // 3}/{luck.randint(10, 30)}"
