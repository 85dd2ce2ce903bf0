"""Does the ticker note that a machine stood still?"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.locks.ticker import stalls_in
from tests.locks.torture import ROOT
from tests.locks.waiting import until


def test_a_ticker_that_was_stopped_says_for_how_long(tmp_path: Path) -> None:
    file = tmp_path / "stalls"
    ticker = subprocess.Popen([sys.executable, "-m", "tests.locks.ticker", str(file)], cwd=ROOT)
    try:
        until(file.exists, within_s=60)
        ticker.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        went_on_s = time.monotonic()
        ticker.send_signal(signal.SIGCONT)
        until(lambda: any(to_s >= went_on_s for _, to_s in stalls_in(file)), within_s=60)
    finally:
        ticker.kill()
        ticker.wait()
    assert any(from_s < went_on_s <= to_s for from_s, to_s in stalls_in(file))
