"""Are the promises of a lock kept in a short torture, and would the judge notice if they were not?

By hand: python -m tests.locks.torture --seconds 60, python -m tests.locks.counter.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.locks import counter
from tests.locks.beliefs import Report, beliefs_in, judge
from tests.locks.torture import torture


@pytest.mark.timeout(240)
def test_a_short_torture() -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    report = torture(processes=6, seconds=8, kind="lock", lease_s=1.0, seed=seed)
    print(seed, report)
    assert not report.broken, f"seed {seed}: {report}"
    assert report.beliefs, "nobody ever held it: this was about nothing"
    assert sum(report.hits.values()), "nobody was ever hit: this was about nothing"


@pytest.mark.timeout(240)
def test_an_unguarded_file_loses_no_increment() -> None:
    made, found = counter.count(processes=2, threads=4, increments=240)
    assert made == found == 240


def judged(folder: Path, *histories: list[list[object]]) -> list[str]:
    for number, history in enumerate(histories):
        lines = [json.dumps(line) for line in history]
        (folder / f"{number}.jsonl").write_text("\n".join(lines) + '\n["valid", 9')
    report = Report()
    beliefs_in(folder, report)
    judge(report)
    return report.broken


def held(fence: int, from_s: float, to_s: float) -> list[list[object]]:
    return [["granted", fence, from_s], ["valid", fence, (from_s + to_s) / 2], ["ends", fence, to_s]]


def test_one_after_the_other_is_what_was_promised(tmp_path: Path) -> None:
    assert judged(tmp_path, held(1, 1.0, 2.0) + held(3, 4.0, 5.0), [*held(2, 2.0, 4.0), ["error"]]) == []


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (held(2, 1.5, 3.0), "two holders at 1.5"),
        (held(1, 2.5, 3.0), "fence 1 was given 2 times"),
        (held(0, 2.5, 3.0), "fence 0 after 1"),
    ],
)
def test_a_broken_promise_is_seen(tmp_path: Path, other: list[list[object]], what: str) -> None:
    assert any(what in line for line in judged(tmp_path, held(1, 1.0, 2.0), other))
