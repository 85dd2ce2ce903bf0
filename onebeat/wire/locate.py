"""Where is the store? `--redis`, then `ONEBEAT_REDIS_URL`, then the config, then a live `.onebeat/`.

Only `onebeat up` ever starts a server; everyone else finds it by the file `store.json` that `up`
writes into `.onebeat/` beside the socket.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from onebeat.errors import ConfigError

HOME = ".onebeat"
RECORD = "store.json"


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it came from, for `onebeat doctor --config`."""

    value: str = field(repr=False)  # may hold a password
    source: str


def live_home(start: Path) -> Path | None:
    """The nearest `.onebeat` at or above `start` whose store process is alive."""
    for folder in (start, *start.parents):
        record = folder / HOME / RECORD
        try:
            pid = int(json.loads(record.read_text(encoding="utf-8"))["pid"])
            os.kill(pid, 0)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        return folder / HOME
    return None


def socket_url(home: Path) -> str:
    """The URL of the store that `up` runs in `home`.

    Raises:
        ConfigError: the record there is unreadable.
    """
    try:
        socket = json.loads((home / RECORD).read_text(encoding="utf-8"))["socket"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ConfigError(
            f"{home / RECORD} is unreadable ({problem}): stop 'onebeat up' and start it again"
        ) from None
    return f"unix://{quote(str(socket))}"  # redis-py unquotes it again


def find_store(
    flag: str | None = None,
    *,
    config: str | None = None,
    environ: Mapping[str, str] = os.environ,
    start: Path | None = None,
) -> Found:
    """The URL of the store and its source.

    Raises:
        ConfigError: none is named and none runs here; the message says what to do.
    """
    if flag:
        return Found(flag, "--redis")
    if environ.get("ONEBEAT_REDIS_URL"):
        return Found(environ["ONEBEAT_REDIS_URL"], "ONEBEAT_REDIS_URL")
    if config:
        return Found(config, "configuration file")
    home = live_home((start or Path.cwd()).resolve())
    if home is not None:
        return Found(socket_url(home), str(home))
    raise ConfigError(
        "no store: none is named and no 'onebeat up' runs in this folder or above. "
        "Start one with 'onebeat up', or give --redis URL or ONEBEAT_REDIS_URL=redis://host:6379/0"
    )
