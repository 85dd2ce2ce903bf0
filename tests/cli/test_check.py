"""Does `check` show every mistake, and does it look whether tasks exist?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import onebeat

BAD = "schedules:\n  a: {task: x, every: 5}\n  b: {task: x, cron: '61 * * * *'}\n"


@pytest.fixture
def bad(folder: Path) -> Path:
    path = folder / "bad.yaml"
    path.write_text(BAD)
    return path


def test_a_good_file(folder: Path) -> None:
    answer = onebeat("check")
    assert (answer.code, answer.err) == (0, "onebeat: 4 schedules in 1 file\n")


def test_mistakes_with_their_lines_and_carets(bad: Path) -> None:
    answer = onebeat("check", "bad.yaml", "onebeat.yaml")
    assert answer.code == 2
    assert "bad.yaml:2:" in answer.out
    assert "    3 |   b: {task: x, cron: '61 * * * *'}\n" in answer.out
    assert "^^" in answer.out
    assert answer.out.rstrip().endswith("2 mistakes")


@pytest.mark.parametrize("words", [("--json",), ("--format", "json")])
def test_mistakes_for_programs(words: tuple[str, ...], bad: Path) -> None:
    answer = onebeat("check", "bad.yaml", *words)
    assert answer.code == 2
    assert answer.json["schema"] == "onebeat.mistakes/1"
    assert [one["line"] for one in answer.json["items"]] == [2, 3]
    assert onebeat("check", "onebeat.yaml", "--json").json["items"] == []


def test_mistakes_for_a_pull_request(bad: Path) -> None:
    answer = onebeat("check", "bad.yaml", "--format", "github")
    assert answer.code == 2
    assert [line.split(" ", 1)[0] for line in answer.out.splitlines()] == ["::error", "::error"]


def test_a_file_that_is_not_there(folder: Path) -> None:
    answer = onebeat("check", "gone.yaml")
    assert answer.code == 2
    assert "gone.yaml" in answer.out


def test_nothing_to_check(folder: Path) -> None:
    (folder / "onebeat.yaml").unlink()
    assert onebeat("check").code == 2


ROWS = [
    ("imports: [no_such_module]", "tests.cli.tasks:report", "module no_such_module cannot be imported", 1),
    ("imports: [tests.cli.tasks]", "tests.cli.tasks:reprot", "no task is called 'tests.cli.tasks:reprot'", 3),
    ("imports: []", "no_such_module:x", "module no_such_module cannot be imported: ModuleNotFoundError", 3),
    ("imports: [breaks_when_imported]", "tests.cli.tasks:report", "ZeroDivisionError", 1),
]


@pytest.mark.parametrize(("imports", "task", "said", "line"), ROWS)
def test_tasks_that_no_worker_would_find(
    imports: str, task: str, said: str, line: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "breaks_when_imported.py").write_text("print('noise')\n1 / 0\n")
    monkeypatch.syspath_prepend(str(folder))
    (folder / "onebeat.yaml").write_text(f"{imports}\nschedules:\n  a: {{task: '{task}', every: 5m}}\n")
    answer = onebeat("check", "--json")
    assert answer.code == 0, "warnings are allowed"
    told = [(one["code"], one["severity"], one["line"]) for one in answer.json["items"]]
    assert told == [("OB195", "warning", line)]
    assert said in answer.json["items"][0]["message"]
    assert onebeat("check", "--json", "--no-import").json["items"] == []


def test_schema(folder: Path) -> None:
    printed = onebeat("schema")
    assert json.loads(printed.out)["title"] == "onebeat configuration"
    written = onebeat("schema", "--write", "schema.json")
    assert (written.code, written.out) == (0, "")
    assert (folder / "schema.json").read_text() == printed.out
    assert onebeat("schema", "--write", "no/such/folder.json").code == 2
