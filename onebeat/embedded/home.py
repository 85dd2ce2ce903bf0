"""Where does `onebeat up` keep what?

Everything lives in one private folder, `.onebeat/`; only the socket moves away when its path would
be longer than the kernel accepts.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from onebeat.errors import ConfigError, Refused
from onebeat.wire.locate import RECORD

SOCKET_PATH_MAX = 103  # bytes: sun_path without its NUL on macOS (Linux: 107)


class Home:
    """The paths inside `.onebeat/`."""

    def __init__(self, folder: Path, *, environ: Mapping[str, str] = os.environ) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"  # the server's AOF
        self.engine = self.data / "engine.json"  # which server wrote it
        self.record = self.folder / RECORD  # the live store, for everyone who looks for it
        self.settings = self.folder / "store.conf"
        self.log = self.folder / "store.log"
        self.up_lock = self.folder / "up.lock"  # held by the supervisor
        self.store_lock = self.folder / "store.lock"  # held by the server process itself
        self.socket = socket_path(self.folder, environ)

    def make(self) -> None:
        """Create the folders, for their owner only.

        Raises:
            Refused: the folder of the socket belongs to somebody else.
            ConfigError: a folder cannot be made.
        """
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            (self.folder / ".gitignore").write_text("*\n", encoding="utf-8")
            self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        except OSError as problem:
            raise ConfigError(
                f"{self.folder} cannot be used ({problem}): choose a folder that you may write"
            ) from None
        if self.socket.parent != self.folder:
            _check_private(self.socket.parent)


def socket_path(folder: Path, environ: Mapping[str, str]) -> Path:
    """The socket in `folder`, or a stand-in elsewhere when that path is too long for a socket.

    The stand-in's name is derived from the folder, so the same folder always gets the same one and
    a killed `up` leaves no litter behind.
    """
    digest = sha256(os.fsencode(folder)).hexdigest()[:16]
    stand_in = Path(f"onebeat-{os.getuid()}-{digest}", "store.sock")
    bases = [Path(environ["XDG_RUNTIME_DIR"])] if environ.get("XDG_RUNTIME_DIR") else []
    bases += [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - checked by _check_private
    choices = [folder / "store.sock", *(base / stand_in for base in bases if base.is_dir())]
    return next((path for path in choices if len(os.fsencode(path)) <= SOCKET_PATH_MAX), choices[-1])


def _check_private(folder: Path) -> None:
    """In a shared /tmp anybody can have made this folder before us, or put a link there."""
    found = folder.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise Refused(
            f"{folder} is not a private folder of yours, so no socket is put there: look at it and remove it"
        )
