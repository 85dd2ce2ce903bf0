"""Do the benchmarks still measure? At a size that proves nothing but that; no figure is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import scale
from benchmarks.__main__ import chosen, main
from benchmarks.harness import Line, measure, percentile


@pytest.mark.timeout(800)
def test_every_line_gives_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "result.json"
    assert main(["--rounds", "1", "--scale", "0.01", "--out", str(out)]) == 0
    result = json.loads(out.read_text())
    assert {row["line"] for row in result["rows"]} >= {
        "enqueue",
        "drain async no-op",
        "short calls, 1 % of 2 s among them",
        "idle worker",
        "locks: uncontended, onebeat",
    }
    assert all(row["median"] > 0 for row in result["rows"] if row["figure"] == "per_s")
    assert capsys.readouterr().out.startswith("line ")


def test_lines_run_in_turn_and_ratios_are_of_one_round() -> None:
    order: list[str] = []
    figures = {"floor": [10.0, 100.0, 1000.0], "one": [5.0, 10.0, 900.0]}

    def line(name: str, floor: str = "") -> Line:
        def run(_size: int) -> dict[str, float]:
            order.append(name)
            return {"per_s": figures[name][order.count(name) - 1]}

        return Line(name, 1, run, floor)

    result = measure([line("floor"), line("one", "floor")], 3, 1.0, lambda _text: None)
    assert order == ["floor", "one"] * 3
    assert result["rows"] == [
        {"line": "floor", "figure": "per_s", "median": 100.0, "min": 10.0, "max": 1000.0},
        {
            "line": "one",
            "figure": "per_s",
            "median": 10.0,
            "min": 5.0,
            "max": 900.0,
            "floor": "floor",
            "ratio": 0.5,
        },
    ]


def test_lines_that_are_asked_for_come_with_their_floors() -> None:
    lines = [
        Line("bare", 1, lambda _size: {}),
        Line("lock", 1, lambda _size: {}, "bare"),
        Line("other", 1, lambda _size: {}),
    ]
    assert [line.name for line in chosen(lines, "lock")] == ["bare", "lock"]
    assert chosen(lines, "") == lines


def test_there_is_no_ratio_to_nothing() -> None:
    lines = [
        Line("floor", 1, lambda _size: {"cpu_ms": 0.0}),
        Line("one", 1, lambda _size: {"cpu_ms": 1.0}, "floor"),
    ]
    result = measure(lines, 1, 1.0, lambda _text: None)
    assert [row.get("ratio") for row in result["rows"]] == [None, None]


def test_percentiles() -> None:
    assert percentile([float(n) for n in range(100)], 0.99) == 99.0
    assert percentile([3.0], 0.5) == 3.0


def test_the_scale_of_schedules_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert scale.main(["--schedules", "2000", "--due", "300"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "load",
        "herd",
        "idle",
        "idle",
    ]
