"""How does a process tell the one that started it that it is ready?

`onebeat up` hands each child a pipe and names its descriptor in `ONEBEAT_READY_FD`; the child writes
one line, `ready <text>`, when it can do its work. A process that nobody watches says nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import MutableMapping
from contextlib import suppress

READY_FD = "ONEBEAT_READY_FD"
WORD = "ready"


def announce(text: str, *, environ: MutableMapping[str, str] = os.environ) -> None:
    """Say once that this process is ready; `text` is shown behind the word, on one line.

    The variable is removed and the pipe closed, so that no process started later speaks in this
    one's name; a second call does nothing.
    """
    descriptor = environ.pop(READY_FD, "")
    if not descriptor.isdecimal():
        return
    fd = int(descriptor)
    if not _is_pipe(fd):  # the variable leaked into a process that did not inherit the pipe
        return
    line = " ".join((WORD, *text.split()))
    with suppress(BrokenPipeError):  # nobody listens any more, which is no fault of this process
        os.write(fd, f"{line}\n".encode())
    os.close(fd)


def _is_pipe(fd: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False
