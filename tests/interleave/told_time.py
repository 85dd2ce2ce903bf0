"""What time is it in a history? The time that the checker told, for the store and for every process."""

from __future__ import annotations

import math
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_US = 1_700_000_000_000_000  # every history begins here; a multiple of every period that is used
_FRESH_US = 20_000
_PAGE = struct.Struct("=qq")
_SOURCE = Path(__file__).with_name("told_clock.c")


class ToldTime:
    """Microseconds since the epoch, in a file that the preloaded clock maps."""

    def __init__(self, home: Path) -> None:
        self.path = home / "clock"
        self.path.write_bytes(_PAGE.pack(START_US, 0))
        with open(self.path, "r+b") as file:
            self._page = mmap.mmap(file.fileno(), 16)
        self.us = START_US  # asked for a thousand times in a history, and written by `set` alone
        self._mono_us = 0

    @property
    def ms(self) -> int:
        return self.us // 1000

    def set(self, us: int) -> None:
        # the server looks at its wall clock again when a while has passed on the other one
        self._mono_us += max(0, us - self.us) + _FRESH_US
        self.us = us
        _PAGE.pack_into(self._page, 0, us, self._mono_us)

    def advance(self, us: int) -> None:
        self.set(self.us + us)

    def close(self) -> None:
        self._page.close()


class MachineClock:
    """The `Clock` of one simulated machine: it runs at its own rate, and its wall clock is wrong.

    `rate` within the tenth that a lease's safety margin allows for; nothing may depend on `wall_off_ms`.
    """

    def __init__(self, told: ToldTime, rate: float = 1.0, wall_off_ms: int = 0) -> None:
        self._told, self.rate, self._wall_off_ms = told, rate, wall_off_ms

    def wall_ms(self) -> int:
        return self._told.ms + self._wall_off_ms

    def mono_s(self) -> float:
        return 1000.0 + (self._told.us - START_US) * self.rate / 1e6

    def told_us_at(self, mono_s: float) -> int:
        """The told time at which this machine's monotonic clock shows `mono_s`."""
        return START_US + round((mono_s - 1000.0) / self.rate * 1e6)

    def told_us_after(self, seconds: float) -> int:
        """The told time at which `seconds` have passed here."""
        return self._told.us + max(0, math.ceil(seconds / self.rate * 1e6))


def build(into: Path) -> Path | None:
    """The compiled clock, or None where no compiler is."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None
    library = into / "told_clock.so"
    words = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return library if done.returncode == 0 else None


@contextmanager
def preloaded(library: Path | None, told: ToldTime) -> Iterator[None]:
    """What is started inside gets its wall clock from `told`."""
    if library is None:
        yield
        return
    before = {name: os.environ.get(name) for name in ("LD_PRELOAD", "ONEBEAT_TOLD_CLOCK")}
    os.environ |= {"LD_PRELOAD": str(library), "ONEBEAT_TOLD_CLOCK": str(told.path)}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def memory_folder() -> Path:
    """A new folder that costs no disk writes where the system has one."""
    fast = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="ob-", dir=fast if fast.is_dir() else None))
