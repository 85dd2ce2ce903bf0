"""Who holds this folder? A file lock that the kernel frees when its last holder is gone.

`flock` belongs to the open file, not to the process: a lock handed to a child through an inherited
descriptor is free exactly when that child is dead, however it died. No pid can be mistaken.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


class HeldFile:
    """An exclusive lock on one file; the file itself is never deleted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def take(self) -> bool:
        """Whether it is ours now; never waits. The file then holds our pid."""
        import fcntl  # not on every system that can import onebeat

        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd
        return True

    def fileno(self) -> int:
        """The descriptor to hand to a child while this is taken."""
        if self._fd is None:
            raise ValueError(f"{self.path} is not held")
        return self._fd

    def give(self) -> None:
        """Let go of our descriptor; a child that inherited it goes on holding the lock."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def holder(self) -> str:
        """The pid that took it last, for people."""
        with suppress(OSError):
            return self.path.read_text(encoding="utf-8").strip() or "unknown"
        return "unknown"
