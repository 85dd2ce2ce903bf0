"""Are the promises of a lock kept in a short torture, and would the judge notice if they were not?

By hand: python -m tests.locks.torture --seconds 60, python -m tests.locks.counter.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.locks import counter
from tests.locks.beliefs import Report, beliefs_in, judge, judge_order
from tests.locks.linear import Act
from tests.locks.recorded import calls_in
from tests.locks.torture import torture


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("kind", "seconds"), [("lock", 8), ("tries", 4)])
def test_a_short_torture(kind: str, seconds: int) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    report = torture(processes=6, seconds=seconds, kind=kind, lease_s=1.0, seed=seed)
    print(seed, report)
    assert not report.broken, f"seed {seed}: {report}"
    assert report.calls >= len(report.beliefs)
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


WROTE = {
    "acquired and given back": (
        [
            ["asks", 0, 1],
            ["granted", 7, 1.4],
            ["valid", 7, 3],
            ["ends", 7, 4],
            ["gives", 5],
            ["gave", "done", 6],
        ],
        ["held 1 1.4 7", "gave 5 6", "may lapse 4"],
    ),
    "given back too late": (
        [["asks", 0, 1], ["granted", 7, 1.4], ["gives", 5], ["gave", "not-yours", 6]],
        ["held 1 1.4 7", "lost 5 6", "may lapse 1.4"],
    ),
    "refused": ([["asks", 0, 1], ["busy", 1.2]], ["busy 1 1.2"]),
    "refused after a wait": ([["asks", 0.5, 1], ["busy", 1.2]], ["busy 1 1.2 waits"]),
    "refused after it was stopped": ([["asks", 0, 1], ["busy", 3]], ["busy 1 3 waits"]),
    "killed while it asked": ([["asks", 0, 1]], ["may hold 1 inf", "may give 1 inf", "may lapse 1"]),
    "killed while it held": (
        [["asks", 0, 1], ["granted", 7, 1.4], ["valid", 7, 3]],
        ["held 1 1.4 7", "may lapse 3"],
    ),
    "killed while it gave it back": (
        [["asks", 0, 1], ["granted", 7, 1.4], ["gives", 5]],
        ["held 1 1.4 7", "may give 5 inf", "may lapse 1.4"],
    ),
    "not heard": (
        [["asks", 0, 1], ["error", 6]],
        ["may hold 1 inf", "may give 1 inf", "may lapse 1", "may give 1 6 waits"],
    ),
}


@pytest.mark.parametrize(("lines", "expected"), WROTE.values(), ids=WROTE)
def test_what_a_process_wrote_down_is_read_as_calls(
    tmp_path: Path, lines: list[list[object]], expected: list[str]
) -> None:
    (tmp_path / "1.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n["as')
    calls = calls_in(tmp_path, lease_s=1.0)
    assert len({op.hold for op in calls}) == 1
    shown = [
        f"{op.act} {op.from_s:g}"
        + (f" {op.to_s:g}" if op.act is not Act.MAY_LAPSE else "")
        + (f" {op.fence}" if op.fence else "")
        + (" waits" if op.waits else "")
        for op in calls
    ]
    assert shown == expected


def test_answers_that_no_order_explains_are_told(tmp_path: Path) -> None:
    lines = [
        ["asks", 0, 1],
        ["granted", 7, 1.4],
        ["gives", 5],
        ["gave", "done", 6],
        ["asks", 0, 7],
        ["busy", 8],
    ]
    (tmp_path / "1.jsonl").write_text("\n".join(map(json.dumps, lines)))
    report = Report()
    judge_order(calls_in(tmp_path, lease_s=4.0), report)
    assert report.broken == ["no order of the calls explains that 1.4 busy between 7.000000 and 8.000000"]
