"""How does a test give a command and read its answer, in this process and as a process of its own?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from onebeat.cli.program import program

ROOT = Path(__file__).parents[2]
WITHIN_S = 90.0


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def onebeat(*words: str) -> Answer:
    """Run one command here."""
    result = CliRunner().invoke(program, list(words), prog_name="onebeat")
    return Answer(result.exit_code, result.stdout, result.stderr)


def spawn(*words: str, **options: Any) -> subprocess.Popen[str]:
    """Start one command as its own process, in the current folder."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.Popen([sys.executable, "-m", "onebeat", *words], text=True, env=env, **options)


def finished(*words: str, **options: Any) -> Answer:
    """Run one command as its own process."""
    process = spawn(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    out, err = process.communicate(timeout=WITHIN_S)
    return Answer(process.returncode, out, err)
