"""Do the models hold with every guard in place, and fail without it? Where Spin is installed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.models.tools import COMPILER, SPIN

MODELS = Path(__file__).resolve().parents[2] / "docs" / "models"
HOLDS = ""

# model, switches, the assertion that fails (or HOLDS)
RUNS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("emit", (), HOLDS),
    ("emit", ("HIGH_WATER_MARK",), "queued[n]"),
    ("emit", ("NO_COMPARISON",), "!(queued[(read+1)])"),
    ("fence", (), HOLDS),
    ("fence", ("FENCE_AT_WRITE",), "(value==commits)"),
    ("fence", ("NO_FENCE",), "(value==commits)"),
    ("lease", (), HOLDS),
    ("lease", ("NO_RE_CHECK",), "kept[(1-_pid)]"),
    ("lease", ("NO_OWNER_CHECK",), HOLDS),
    ("lease", ("NO_FENCED_ANSWER",), HOLDS),
    ("lease", ("NO_OWNER_CHECK", "NO_FENCED_ANSWER"), "(owner[running[_pid]]!=3)"),
)


def verify(model: str, switches: tuple[str, ...], folder: Path) -> str:
    """What the verifier prints after it has seen every state, or the first failure."""
    assert SPIN is not None
    assert COMPILER is not None
    defined = [f"-D{switch}" for switch in switches]
    for words in (
        [SPIN, "-a", *defined, str(MODELS / f"{model}.pml")],
        [COMPILER, "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c"],
    ):
        made = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=250, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
    # -m: as deep as needed; a search that was cut short would say so, and prove nothing
    done = subprocess.run(
        ["./pan", "-m200000"], cwd=folder, capture_output=True, text=True, timeout=250, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(("model", "switches", "failure"), RUNS)
def check_a_model(model: str, switches: tuple[str, ...], failure: str, tmp_path: Path) -> None:
    printed = verify(model, switches, tmp_path)
    assert "max search depth too small" not in printed
    errors = re.search(r"errors: (\d+)", printed)
    assert errors is not None, printed
    failed = re.search(r"assertion violated (.*)", printed)
    if failure == HOLDS:
        assert (errors[1], failed) == ("0", None), printed
    else:
        assert failed is not None, f"the model holds although {switches} took its guard away"
        assert failure in failed[1], printed


if SPIN and COMPILER:  # where they are missing, conftest.py says so at the end of the run
    test_a_model = check_a_model


def test_every_model_has_its_runs() -> None:
    models = {path.stem for path in MODELS.glob("*.pml")}
    assert {model for model, switches, _ in RUNS if not switches} == models
    for model in models:
        text = (MODELS / f"{model}.pml").read_text(encoding="utf-8")
        used = set(re.findall(r"#ifn?def (\w+)", text)) | set(re.findall(r"defined\((\w+)\)", text))
        assert used == {switch for name, switches, _ in RUNS if name == model for switch in switches}
