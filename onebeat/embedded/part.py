"""What does the supervisor need of the store and of each child?"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Protocol

USAGE = 2  # exit code of a wrong option or configuration: the same command fails the same way again


@dataclass(frozen=True, slots=True)
class End:
    """How a part ended, for people; `hopeless` when starting it again cannot help."""

    text: str
    hopeless: bool = False


class Part(Protocol):
    """A process that is started, watched and stopped. No method waits."""

    @property
    def name(self) -> str:
        """What its lines are prefixed with."""

    def launch(self) -> None:
        """Start it, or start it again after its end."""

    def readiness(self) -> str | None:
        """What it says of itself once it can work; None until then."""

    def ended(self) -> End | None:
        """How it ended; None while it lives."""

    def ask_to_stop(self) -> None:
        """Let it finish in order."""

    def cut(self) -> None:
        """Kill it and what it started."""


def end_of(returncode: int) -> End:
    """The end that a `Popen.returncode` tells of."""
    if returncode >= 0:
        return End(f"ended with exit code {returncode}", hopeless=returncode == USAGE)
    try:
        return End(f"was killed by {signal.Signals(-returncode).name}")
    except ValueError:
        return End(f"was killed by signal {-returncode}")
