"""May this server open the data that is there?

Redis 6.2 opens a data folder of Redis 7 *empty and without an error*, because the AOF moved into a
folder of its own. So the engine and version are recorded before a server first touches the data, and
an older or another one is refused.
"""

from __future__ import annotations

import json
from pathlib import Path

from onebeat.embedded.binary import Binary
from onebeat.embedded.records import replace_json
from onebeat.errors import ConfigError, Refused
from onebeat.wire.health import version_of


def objection(engine: str, version: str, binary: Binary) -> str | None:
    """Why `binary` may not open data that `engine` `version` wrote; None when it may.

    Within one minor version the format does not change, so a lower patch level is no objection.
    """
    if binary.engine != engine:
        return f"another engine ({binary.engine} {binary.version})"
    if version_of(binary.version)[:2] < version_of(version)[:2]:
        return f"an older version ({binary.version})"
    return None


def admit(path: Path, binary: Binary) -> None:
    """Record at `path` that `binary` opens the data.

    Raises:
        Refused: it could not read what is there.
        ConfigError: the record cannot be read.
    """
    wrote = _read(path)
    if wrote is not None:
        reason = objection(*wrote, binary)
        if reason:
            raise Refused(
                f"the data in {path.parent} was written by {wrote[0]} {wrote[1]}; {binary.path} is {reason} "
                "and would start empty or damage it: set ONEBEAT_STORE_BIN to a server of that engine and at "
                "least that version, or move the folder away to start empty"
            )
    if wrote != (binary.engine, binary.version):
        replace_json(path, {"engine": binary.engine, "version": binary.version})


def _read(path: Path) -> tuple[str, str] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return str(record["engine"]), str(record["version"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ConfigError(
            f"{path} is unreadable ({problem}): restore it or move {path.parent} away"
        ) from None
