"""What does a beat or a worker do, as far as a supervisor can see? Run by the tests of `up`.

    fake_child.py NAME LOG MODE

MODE: `obeys` TERM · `deaf` to TERM · `slow` ends when the file LOG.drained exists · `dies` with code 3 ·
`misused` ends with code 2 · `parent` obeys and has a child of its own that ignores everything ·
`chatty` prints for ever.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from urllib.parse import unquote

from onebeat.embedded import probe
from onebeat.ready import announce

NAME, LOG, MODE = sys.argv[1:]
SOCKET = Path(unquote(os.environ["ONEBEAT_REDIS_URL"].removeprefix("unix://")))
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"


def note(*words: object) -> None:
    """One line, appended whole."""
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(" ".join(map(str, (NAME, *words))) + "\n")


def stop(signum: int, frame: FrameType | None) -> None:
    note(signal.Signals(signum).name, "store", probe.ask(SOCKET, "PING", within_s=60.0))
    if MODE == "deaf":
        return
    while MODE == "slow" and not Path(f"{LOG}.drained").exists():
        time.sleep(0.01)
    note("ends", "store", probe.ask(SOCKET, "PING", within_s=60.0))
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
note("pid", os.getpid(), "store", probe.ask(SOCKET, "PING", within_s=60.0))
if MODE == "parent":
    note("child", subprocess.Popen([sys.executable, "-c", STUBBORN]).pid)
if MODE in ("dies", "misused"):
    print("last words", file=sys.stderr)
    sys.exit(3 if MODE == "dies" else 2)
announce(f"as {NAME}")
print(f"{NAME} prints")
print(f"{NAME} complains", file=sys.stderr)
while True:
    if MODE == "chatty":
        os.write(1, b"talk\n" * 2_000)
    else:
        signal.pause()
