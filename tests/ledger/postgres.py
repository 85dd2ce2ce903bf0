"""How do tests get a PostgreSQL of their own? One private server per test run, on a Unix socket."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import make_url

READY_WITHIN_S = 90.0
NAMED = "ONEBEAT_TEST_POSTGRES_URL"
# Nothing here must survive a power loss, so the disk is not waited for.
_OPTIONS = ("listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=60")


def find_binaries() -> Path | None:
    """The folder that has `initdb` and `postgres`; distributions keep it off PATH."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


def why_not() -> str | None:
    """None when PostgreSQL can be tested here, else what is missing."""
    if find_spec("psycopg") is None:
        return "psycopg is not installed (pip install 'onebeat[postgres]')"
    if os.environ.get(NAMED):
        return None
    if find_binaries() is None:
        return f"neither {NAMED} nor initdb was found"
    if os.geteuid() == 0 and _owner() is None:
        return "initdb refuses to run as root and there is no user to run it as"
    return None


def _owner() -> str | None:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


class Postgres:
    """A server, or the database at `ONEBEAT_TEST_POSTGRES_URL`."""

    def __init__(self) -> None:
        self.server = os.environ.get(NAMED, "")
        self.name = f"onebeat_test_{secrets.token_hex(6)}"  # nothing outside of it is ever touched
        self.process: subprocess.Popen[bytes] | None = None
        self.home: Path | None = None

    def start(self) -> Postgres:
        """Start the server, unless one is named, and wait until it answers; then make a database in it."""
        if not self.server:
            self._start_own()
        self._administer(f"CREATE DATABASE {self.name}")
        return self

    def _start_own(self) -> None:
        folder, owner = find_binaries(), _owner() if os.geteuid() == 0 else None
        assert folder is not None
        self.home = home = Path(tempfile.mkdtemp(prefix="ob-pg-", dir="/tmp"))
        if owner:
            shutil.chown(home, owner)
        init = [
            str(folder / "initdb"),
            "-D",
            str(home / "d"),
            "-U",
            "onebeat",
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
        ]
        subprocess.run([*init, "--locale=C"], cwd="/", user=owner, check=True, capture_output=True)
        words = [str(folder / "postgres"), "-D", str(home / "d"), "-k", str(home)]
        words += [word for option in _OPTIONS for word in ("-c", option)]
        with open(home / "log", "wb") as log:
            self.process = subprocess.Popen(words, cwd="/", user=owner, stdout=log, stderr=log)
        self.server = f"postgresql+psycopg://onebeat@/postgres?host={home}"
        self._await_ready()

    def _await_ready(self) -> None:
        import psycopg

        assert self.process is not None
        until = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                psycopg.connect(f"host={self.home} user=onebeat dbname=postgres").close()
                return
            except psycopg.OperationalError as problem:
                if self.process.poll() is not None or time.monotonic() > until:
                    assert self.home is not None
                    raise RuntimeError((self.home / "log").read_text()) from problem
                time.sleep(0.05)

    @property
    def url(self) -> str:
        """The database for tests."""
        return make_url(self.server).set(database=self.name).render_as_string(hide_password=False)

    def empty(self) -> None:
        """Drop every table, and whoever still holds a lock on one (children that were killed)."""
        self._administer(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'"
        )
        self._administer("DROP SCHEMA public CASCADE; CREATE SCHEMA public", self.url)

    def _administer(self, statement: str, url: str = "") -> None:
        import psycopg

        place = make_url(url or self.server).set(drivername="postgresql")
        words = place.render_as_string(hide_password=False)
        with psycopg.connect(words, autocommit=True) as connection:
            connection.execute(statement)

    def remove(self) -> None:
        """Drop the database; end the server, if it is our own, and delete its data."""
        if self.server:
            self._administer(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
        if self.process is not None:
            self.process.kill()  # its children notice the end of their postmaster by themselves
            self.process.wait(READY_WITHIN_S)
        if self.home is not None:
            shutil.rmtree(self.home, ignore_errors=True)
