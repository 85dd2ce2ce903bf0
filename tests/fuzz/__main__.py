"""How long do the readers withstand? `python -m tests.fuzz --seconds 600 [--target yaml] [--seed 7]`.

Without `--target` each reader gets its share of the time. `--atheris` lets coverage guide the inputs, where
atheris is installed. A failure is printed with the input that repeats it and ends its reader's run. The last
line is JSON: how many inputs each reader withstood.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import traceback
from random import Random, randrange
from typing import TYPE_CHECKING

from tests.fuzz.mutate import mutated

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

SLOW_S = 0.1  # is told
HANG_S = 5.0  # is a failure


class Hang(Exception):
    """One input took longer than `HANG_S`."""


def fuzz(name: str, target: Target, seconds: float, seed: int) -> int | None:
    """How many mutated inputs `target` withstood in `seconds`; None when one was too much."""
    luck = Random(seed)
    until_s = time.monotonic() + seconds
    tried = accepted = 0
    slowest_s, slowest = 0.0, b""
    while time.monotonic() < until_s:
        raw = mutated(luck, target.seeds, target.words)
        began_s = time.process_time()
        signal.setitimer(signal.ITIMER_REAL, HANG_S)
        try:
            accepted += target.try_one(raw)
        except Exception:
            print(f"{name}: seed {seed}, input {tried}: {raw!r}\n{traceback.format_exc()}", file=sys.stderr)
            return None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        took_s = time.process_time() - began_s
        if took_s > slowest_s:
            slowest_s, slowest = took_s, raw
        tried += 1
    print(f"{name}: {tried} inputs, {accepted} accepted, slowest {slowest_s * 1000:.1f} ms (seed {seed})")
    if slowest_s > SLOW_S:
        print(f"{name}: slow: {slowest!r}")
    return tried


def fuzz_guided(name: str, seconds: int) -> None:
    """Ends the process, with a status of atheris' choice."""
    import atheris

    with atheris.instrument_imports(include=["onebeat"]):  # so nothing may be imported before
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}"], lambda raw: (target.try_one(raw), None)[1])
    atheris.Fuzz()


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--target")
    options.add_argument("--seed", type=int, default=randrange(1 << 32))
    options.add_argument("--atheris", action="store_true", help="needs --target")
    chosen = options.parse_args()
    if chosen.atheris:
        fuzz_guided(chosen.target, chosen.seconds)
    from tests.fuzz.targets import TARGETS

    names = [chosen.target] if chosen.target else list(TARGETS)
    if not {*names} <= {*TARGETS}:
        options.error(f"--target is one of {', '.join(TARGETS)}")
    signal.signal(signal.SIGALRM, _hang)
    share_s = chosen.seconds / len(names)
    tried = {name: fuzz(name, TARGETS[name], share_s, chosen.seed) for name in names}
    print(json.dumps({f"inputs of {name}": count for name, count in tried.items()}))
    return int(None in tried.values())


def _hang(*_: object) -> None:
    raise Hang(f"no end within {HANG_S} s")


if __name__ == "__main__":
    sys.exit(main())
