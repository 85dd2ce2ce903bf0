"""Has this process done its share: so many runs, or so much memory?"""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass

_PAGES = "/proc/self/statm"  # Linux: the second number is the resident pages


def memory_mib() -> int:
    """Resident memory in MiB; elsewhere than on Linux the most that it ever was."""
    try:
        with open(_PAGES, encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize() >> 20
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak >> 20 if sys.platform == "darwin" else peak >> 10


@dataclass(frozen=True, slots=True)
class Share:
    """What a process does before another takes its place; 0 is no limit."""

    tasks: int
    memory_mib: int

    @property
    def limited(self) -> bool:
        """Whether it ever is done."""
        return bool(self.tasks or self.memory_mib)

    def done(self, runs: int, taken_mib: int | None = None) -> str:
        """Why it is done, after `runs`, in words; empty when it goes on. `taken_mib`: this process's own."""
        if self.tasks and runs >= self.tasks:
            return f"run {runs} tasks"
        if self.memory_mib and runs:  # else a limit below what imports take would let nothing be done
            taken_mib = memory_mib() if taken_mib is None else taken_mib
            if taken_mib > self.memory_mib:
                return f"taken {taken_mib} MiB"
        return ""
