"""Does a password appear in anything that a whole installation prints, stores or shows of its processes?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from onebeat import die_with_parent
from onebeat.keys import queue_keys
from onebeat.wire import Store
from tests.cli.commands import onebeat
from tests.security.guarded import Guarded
from tests.worker.running import REPOSITORY, children_of, until

DATABASE_SECRET = "db-sesame-4711"
WRONG_SECRET = "wrong-sesame-0815"
CONFIG = """
imports: [tests.worker.acts]
schedules:
  tick: {task: "tests.worker.acts:typed", every: 1s, kwargs: {day: 2026-01-01}}
  trip:
    task: "tests.worker.acts:fail"
    every: 1s
    overlap: allow
    singleton: {key: trip}
    kwargs: {kind: base}
"""
FAR = "postgresql://me:db-sesame-4711@127.0.0.1:1/x"
# role, more environment, the words of the command, its exit codes
LOOKS: tuple[tuple[str, dict[str, str], str, set[int]], ...] = (
    ("operator", {}, "trigger tick", {0}),
    ("operator", {}, 'enqueue tests.worker.acts:fail --args ["odd"]', {0}),
    ("operator", {}, "enqueue tests.worker.acts:nothing", {0, 2, 3}),
    *(
        ("viewer", {}, f"{word}{how}", {0})
        for word in ("queues", "workers", "locks", "dead")
        for how in ("", " --json")
    ),
    *(
        ("viewer", {}, f"{word}{how}", {0})
        for word in ("runs", "list", "doctor", "doctor --config")
        for how in ("", " --json")
    ),
    ("viewer", {}, "check", {0}),
    ("viewer", {}, "trigger tick", {5}),  # may not
    ("client", {}, "queues", {5}),
    ("viewer", {"ONEBEAT_DB_URL": FAR}, "runs", {1}),
    ("viewer", {"ONEBEAT_DB_URL": FAR}, "doctor", {1}),
    ("viewer", {"ONEBEAT_DB_URL": FAR}, "doctor --config", {0}),
    ("viewer", {"ONEBEAT_DB_URL": f"postgres//me:{DATABASE_SECRET}@127.0.0.1/x"}, "runs", {2}),
    ("viewer", {"ONEBEAT_DB_URL": f"oracle://me:{DATABASE_SECRET}@127.0.0.1/x"}, "runs", {2}),
    ("viewer", {"ONEBEAT_REDIS_URL": f"redis://me:{WRONG_SECRET}@127.0.0.1:1/0"}, "queues", {5}),
    ("viewer", {"ONEBEAT_REDIS_URL": f"redis://me:{WRONG_SECRET}@127.0.0.1:port/0"}, "queues", {1, 2, 5}),
    ("viewer", {"ONEBEAT_REDIS_URL": f"redis//me:{WRONG_SECRET}@127.0.0.1/0"}, "queues", {2}),
    ("beat", {"ONEBEAT_REDIS_URL": f"redis//me:{WRONG_SECRET}@127.0.0.1/0"}, "beat", {2}),
)


class Installation:
    """A folder with a configuration, and onebeat's commands in it, each as a role of the store."""

    def __init__(self, folder: Path, guarded: Guarded) -> None:
        self.folder, self._guarded = folder, guarded
        (folder / "onebeat.yaml").write_text(CONFIG)
        (folder / "data").mkdir()
        # SQLite ignores what it does not know of a file URI, so the URL may hold a secret as others do.
        file = f"file:{folder / 'data' / 'site.db'}"
        self._database = f"sqlite:///{file}?uri=true&password={DATABASE_SECRET}"
        self.printed = folder / "printed"
        self.printed.mkdir()
        self._services: list[subprocess.Popen[bytes]] = []

    def environ(self, role: str) -> dict[str, str]:
        return {
            **os.environ,
            "ONEBEAT_REDIS_URL": self._guarded.url_of(role),
            "ONEBEAT_DB_URL": self._database,
            "ONEBEAT_NAMESPACE": self._guarded.namespace,
            "ACTS_FILE": str(self.folder / "data" / "notes"),
            "PYTHONPATH": str(REPOSITORY),
        }

    def serve(self, role: str) -> None:
        """`onebeat ROLE -v`, as that role."""
        words = [sys.executable, "-m", "onebeat", role, "-v"]
        with open(self.printed / role, "wb") as out:
            process = subprocess.Popen(
                die_with_parent.command(words, signal.SIGKILL),
                cwd=self.folder,
                env=self.environ(role),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._services.append(process)

    def look(self, role: str, more: dict[str, str], words: str) -> int:
        """One command's exit code; what it prints is kept. In this process: there are many."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in (self.environ(role) | more).items():
                patch.setenv(name, value)
            answer = onebeat(*words.split(), "-v")
        number = len(list(self.printed.iterdir()))
        (self.printed / f"{number} {words.split()[0]}").write_text(answer.out + answer.err)
        return answer.code

    def command_lines(self) -> bytes:
        """How `ps` shows the services to everybody on the machine."""
        pids = [process.pid for process in self._services]
        pids += [child for pid in pids for child in children_of(pid)]
        return b"\n".join(
            Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids if Path(f"/proc/{pid}").exists()
        )

    def stop(self) -> list[int]:
        for process in self._services:
            process.terminate()
        return [process.wait(90) for process in self._services]

    def kill(self) -> None:
        for process in self._services:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def installation(tmp_path: Path, guarded: Guarded) -> Iterator[Installation]:
    with ExitStack() as stack:
        made = Installation(tmp_path, guarded)
        stack.callback(made.kill)
        yield made


def test_no_password_is_printed_or_stored(installation: Installation, guarded: Guarded) -> None:
    keys = queue_keys(guarded.namespace, "default")
    with Store.open(guarded.url, guarded.namespace) as admin:
        admin.client.flushall()
        guarded.refusals(admin.client)
        installation.serve("beat")
        installation.serve("worker")
        until(lambda: admin.client.hlen(keys.deadwhy) > 1, "a run that failed", 90)
        lines = installation.command_lines()
        codes = [(words, installation.look(role, more, words), right) for role, more, words, right in LOOKS]
        assert installation.stop() == [0, 0]
        refused = guarded.refusals(admin.client)
        stored = b"\n".join(_contents(admin))
    assert not [(words, code) for words, code, right in codes if code not in right]
    # Beat and worker ran with their own users, and were refused nothing that they need.
    assert {line for line in refused if line.startswith(("onebeat-beat", "onebeat-worker"))} <= {
        "onebeat-beat: config|get",
        "onebeat-worker: config|get",
    }
    assert b"Traceback" in stored, "nothing failed, so nothing could be seen in a traceback"

    written = [path for path in installation.folder.rglob("*") if path.is_file()]
    written += [guarded.home / "log", *(guarded.home / "appendonlydir").iterdir()]
    seen = {str(path): path.read_bytes() for path in written} | {"ps": lines, "the store": stored}
    secrets = [password.rpartition("/")[2] for password in guarded.passwords.values()]
    for secret in (*secrets, DATABASE_SECRET, WRONG_SECRET):
        assert not [name for name, content in seen.items() if secret.encode() in content], secret
    assert any("site.db" in name for name in seen)


def _contents(admin: Store) -> Iterator[bytes]:
    """Every value in the store."""
    client = admin.client
    for key in client.scan_iter(count=1000):
        kind = client.type(key)
        yield key
        if kind == b"hash":
            yield repr(client.hgetall(key)).encode()
        elif kind == b"list":
            yield repr(client.lrange(key, 0, -1)).encode()
        elif kind == b"zset":
            yield repr(client.zrange(key, 0, -1)).encode()
        elif kind == b"stream":
            yield repr(client.xrange(key)).encode()
        elif kind == b"set":
            yield repr(client.smembers(key)).encode()
        else:
            yield client.get(key) or b""  # its TTL may just have passed
