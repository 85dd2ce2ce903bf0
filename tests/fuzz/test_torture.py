"""Does `make torture` run everything that it names, add up what was tried, and end at a failure?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import torture


def test_a_short_round(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = tmp_path / "totals.json"
    assert torture.main(["--hours", "0.0005", "--totals", str(told)]) == 0
    summary = json.loads(told.read_text())
    assert summary == json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["violations"] == 0
    assert any(kind.startswith("histories of") for kind in summary["tried"])
    assert summary["tried"]["inputs of yaml"] > 0
    assert summary["tried"]["cases of cron"] >= 100


def test_a_failure_ends_it_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torture, "interleave", lambda totals, seconds: None)
    monkeypatch.setattr(torture, "fuzz", lambda totals, seconds: torture.run(totals, "tests.no_such_module"))
    told = tmp_path / "totals.json"
    assert torture.main(["--hours", "10", "--totals", str(told)]) == 1
    (failure,) = json.loads(told.read_text())["failures"]
    assert "no_such_module" in failure
