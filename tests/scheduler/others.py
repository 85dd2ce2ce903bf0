"""Where do croniter, cronsim and APScheduler differ from the rule of Debian's cron? Counted, for the docs.

Expressions that all of them read alike on days without a change of the clocks: five fields, weekdays by
name, no day-of-month together with a weekday. What differs is the rule for clock changes.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.scheduler import zone_changes
from tests.scheduler.differential import Case, walk
from tests.scheduler.oracle import jumps, shown_twice

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "clock-changes.md"
SEED, CASES, FIRES_MAX = 2026, 1_500, 4_000
_BEGIN, _END = "<!-- differences: begin -->", "<!-- differences: end -->"
_WEEKDAYS = ("mon-fri", "sun", "sat,sun", "mon", "wed,sun")


def ours(case: Case) -> Iterator[datetime]:
    from onebeat.scheduler.cron import CronTrigger

    yield from walk(CronTrigger(case.text, case.zone), *case.window)


def croniter(case: Case) -> Iterator[datetime]:
    from croniter import croniter as their

    first = case.window[0] - timedelta(seconds=1)
    yield from their(case.text, first.astimezone(ZoneInfo(case.zone))).all_next(datetime)


def cronsim(case: Case) -> Iterator[datetime]:
    from cronsim import CronSim

    yield from CronSim(case.text, (case.window[0] - timedelta(seconds=1)).astimezone(ZoneInfo(case.zone)))


def apscheduler(case: Case) -> Iterator[datetime]:
    from apscheduler.triggers.cron import CronTrigger

    trigger = CronTrigger.from_crontab(case.text, timezone=ZoneInfo(case.zone))
    fire = trigger.get_next_fire_time(None, case.window[0].astimezone(ZoneInfo(case.zone)))
    while fire is not None:
        yield fire
        fire = trigger.get_next_fire_time(fire, fire)


LIBRARIES: dict[str, Callable[[Case], Iterator[datetime]]] = {
    "onebeat": ours,
    "cronsim": cronsim,
    "croniter": croniter,
    "apscheduler": apscheduler,
}


@dataclass
class Score:
    """How one library did: `wrong` cases by what the clocks did there; `kinds` of being wrong."""

    right: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)


def cases(luck: random.Random, count: int) -> Iterator[Case]:
    """Days on which the clocks change, expressions that fire near it."""
    made = 0
    while made < count:
        zone = luck.choice(zone_changes.ZONES)
        days = zone_changes.changes(zone)
        if not days:
            continue
        day = luck.choice(days)
        for _ in range(5):
            yield Case(_expression(luck), zone, day)
        made += 5


def _expression(luck: random.Random) -> str:
    minute = luck.choice((str(luck.randrange(60)), "0", "30", "15,45", "*/15", "0-59/20", "*/7"))
    hour = luck.choice((str(luck.randrange(5)), "2", "1,2,3", "0-3", "*", "*/2", "23"))
    weekday = luck.choice(_WEEKDAYS) if luck.random() < 0.2 else "*"
    return f"{minute} {hour} * * {weekday}"


def count(seed: int = SEED, size: int = CASES) -> tuple[int, dict[str, Score]]:
    """How many cases, and each library's score."""
    scores = {name: Score() for name in LIBRARIES}
    played = 0
    for case in cases(random.Random(seed), size):
        played += 1
        expected = case.expected()
        for name, fires in LIBRARIES.items():
            kind = _verdict(case, expected, fires)
            if kind:
                scores[name].wrong[_what_the_clocks_do(case)] += 1
                scores[name].kinds[kind] += 1
            else:
                scores[name].right += 1
    return played, scores


def _verdict(case: Case, expected: list[datetime], fires: Callable[[Case], Iterator[datetime]]) -> str:
    """Empty when it is right."""
    first, last = case.window
    found: list[datetime] = []
    try:
        for fire in islice(fires(case), FIRES_MAX):
            instant = fire.astimezone(UTC)
            if found and instant <= found[-1]:
                return "runs backwards or stands still"
            if instant > last:
                break
            if instant >= first:
                found.append(instant)
    except Exception as error:
        return f"raises {type(error).__name__}"
    missing, more = set(expected) - set(found), set(found) - set(expected)
    if missing and more:
        return "at another time"
    return "leaves runs out" if missing else "runs too often" if more else ""


def _what_the_clocks_do(case: Case) -> str:
    forward, back = bool(jumps(case.zone, case.day)), bool(shown_twice(case.zone, case.day))
    if forward == back:
        return "other"
    return "forward" if forward else "back"


def table(played: int, scores: dict[str, Score]) -> str:
    """Markdown."""
    rows = [
        "| library | right | wrong: clocks jump forward | wrong: they go back | wrong: other change | how |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for name, score in scores.items():
        how = ", ".join(f"{kind} {times}" for kind, times in score.kinds.most_common()) or "–"
        places = " | ".join(str(score.wrong[place]) for place in ("forward", "back", "other"))
        rows.append(f"| {name} {version(name)} | {score.right / played:.1%} | {places} | {how} |")
    return f"{played} cases, seed {SEED}.\n\n" + "\n".join(rows)


def write_table(counted: tuple[int, dict[str, Score]], page: Path = PAGE) -> None:
    """Replace the table of the documentation page."""
    text = page.read_text(encoding="utf-8")
    inside = f"{_BEGIN}\n{table(*counted)}\n{_END}"
    pattern = re.escape(_BEGIN) + ".*" + re.escape(_END)
    page.write_text(re.sub(pattern, lambda _: inside, text, flags=re.S), encoding="utf-8")
