"""What does a trigger cost? Fire times in a zone one after the other, and reading an expression."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from benchmarks.harness import Figures, Line
from onebeat.scheduler import cron_fields
from onebeat.scheduler.cron import CronTrigger

ZONE = "Europe/Berlin"
START = datetime(2026, 1, 1, tzinfo=ZoneInfo(ZONE))
RULES = ("30 2 * * mon-fri", "*/5 * * * *", "15,45 8-18 * * 1-5", "0 0 1 * *", "0 */6 * * *")


def trigger_lines() -> list[Line]:
    """`next` in a zone by us and by two others, and `CronTrigger(…)` for expressions never seen before."""
    return [
        Line("next of cron in a zone, cronsim", 4_000, lambda size: following(size, _cronsim)),
        Line("next of cron in a zone, croniter", 2_000, lambda size: following(size, _croniter)),
        Line(
            "next of cron in a zone",
            20_000,
            lambda size: following(size, _ours),
            floor="next of cron in a zone, cronsim",
        ),
        Line("reading cron, croniter", 1_000, lambda size: reading(size, _read_by_croniter)),
        Line("reading cron", 4_000, lambda size: reading(size, _read_by_us), floor="reading cron, croniter"),
    ]


def following(size: int, fires: Callable[[str], Iterator[datetime]]) -> Figures:
    """Microseconds of processor time for one fire, the mean over `RULES`; a zone is read before."""
    each = max(1, size // len(RULES))
    for rule in RULES:
        _last(islice(fires(rule), each))
    started = time.thread_time()
    for rule in RULES:
        _last(islice(fires(rule), each))
    return {"us_each": (time.thread_time() - started) / (each * len(RULES)) * 1e6}


def reading(size: int, read: Callable[[str], object]) -> Figures:
    """Microseconds of processor time for one of `size` different expressions, with nothing remembered."""
    luck = random.Random(size)
    texts = list({_expression(luck): None for _ in range(2 * size)})[:size]
    read("0 0 * * mon#1")  # imports what is imported late
    cron_fields.forget()
    started = time.thread_time()
    for text in texts:
        read(text)
    return {"us_each": (time.thread_time() - started) / len(texts) * 1e6}


def _last(fires: Iterator[datetime]) -> None:
    for _ in fires:
        pass


def _ours(rule: str) -> Iterator[datetime]:
    trigger, at = CronTrigger(rule, ZONE), START
    while (found := trigger.next(at)) is not None:
        yield found
        at = found


def _croniter(rule: str) -> Iterator[datetime]:
    from croniter import croniter

    fires = croniter(rule, START)
    while True:
        yield fires.get_next(datetime)


def _cronsim(rule: str) -> Iterator[datetime]:
    from cronsim import CronSim

    return iter(CronSim(rule, START))


def _read_by_us(text: str) -> object:
    return CronTrigger(text, ZONE)


def _read_by_croniter(text: str) -> object:
    from croniter import croniter

    return croniter.expand(text)


def _expression(luck: random.Random) -> str:
    """Some number of everything that people write; few of them twice."""
    minute = luck.choice((f"{luck.randrange(60)}", f"*/{luck.randint(2, 30)}", f"{luck.randrange(30)}-59/7"))
    first = luck.randrange(12)
    hour = luck.choice(("*", f"{luck.randrange(24)}", f"{first}-{first + luck.randint(1, 11)}", "1,13"))
    day = luck.choice(("*", "*", f"{luck.randint(1, 28)}"))
    weekday = luck.choice(("*", "mon-fri", f"{luck.randrange(7)}")) if day == "*" else "*"
    return f"{minute} {hour} {day} {luck.choice(('*', '*', '1-6', 'dec'))} {weekday}"
