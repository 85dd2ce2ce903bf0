"""How does a child die when its parent is killed with -9? The kernel tells it (Linux only).

Run as a program in front of another one:

    python -I -S die_with_parent.py SIGNAL PARENT_PID PROGRAM [ARGUMENT…]

It arms PR_SET_PDEATHSIG, which outlives exec, and becomes PROGRAM. The other way, `preexec_fn`, runs
Python between fork and exec, which can deadlock when the parent has threads. The signal is sent when
the *thread* that started the child ends: start children from the main thread. Elsewhere than on Linux
nothing is armed; `up` adopts the store that a killed supervisor leaves behind.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def command(argv: Sequence[str], signum: signal.Signals) -> list[str]:
    """`argv`, to be started by this process, such that its end sends `signum` to what `argv` runs."""
    return [sys.executable, "-I", "-S", __file__, str(int(signum)), str(os.getpid()), *argv]


def arm(signum: int, parent_pid: int) -> None:
    """Ask the kernel for `signum` at the parent's death; exits when it is dead already."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        sys.exit(f"parent {parent_pid} died before its child had started")


def main(arguments: Sequence[str]) -> None:
    """Arm, then become the program."""
    if sys.platform == "linux":
        arm(int(arguments[0]), int(arguments[1]))
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python; exec would hand that on
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(arguments[2], list(arguments[2:]))  # noqa: S606 - what this program is for
    except OSError as problem:
        sys.exit(f"cannot run {arguments[2]}: {problem.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
