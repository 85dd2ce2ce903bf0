"""How do these tests read a text as if it were a file?"""

from __future__ import annotations

from onebeat.config.reading import Reading, read
from onebeat.scheduler.schedule import Schedule


def good(text: str) -> Reading:
    """What the text declares; it must have no mistakes."""
    reading = read(text.encode(), "onebeat.yaml")
    assert reading.mistakes == []
    return reading


def schedule(body: str, head: str = "") -> Schedule:
    """The schedule `a` with a task and `body` in braces."""
    reading = good(f"{head}\nschedules:\n  a: {{task: t:f, {body}}}\n")
    return reading.schedules[0][1]
