"""What would the command line do with `run_up`? Run by tests: up_here.py HOME GRACE_S CHILDREN."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from onebeat.embedded import ChildSpec, run_up
from onebeat.errors import OnebeatError


def main(home: str, grace_s: str, children: str) -> int:
    specs = [ChildSpec(**spec) for spec in json.loads(children)]
    try:
        return run_up(Path(home), specs, say=lambda line: print(line, flush=True), grace_s=float(grace_s))
    except OnebeatError as problem:
        print(problem, flush=True)
        return problem.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
