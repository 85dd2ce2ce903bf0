"""Does a child die with its parent, and does a signal wake the loop?"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from onebeat import die_with_parent
from onebeat.embedded.signals import Signals
from tests.embedded.running import awaited, gone

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
PARENT = """
import signal, subprocess, sys
from onebeat import die_with_parent
child = subprocess.Popen(die_with_parent.command(["sleep", "600"], signal.SIGKILL))
print(child.pid, flush=True)
signal.pause()
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=90, check=False)


@linux
def test_a_child_dies_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert not gone(child)
        parent.kill()
    awaited(lambda: gone(child), "the child's end")


@linux
def test_a_parent_that_died_meanwhile_is_noticed(tmp_path: Path) -> None:
    words = die_with_parent.command(["touch", str(tmp_path / "ran")], signal.SIGKILL)
    words[words.index(str(os.getpid()))] = "1"
    ran = run(*words)
    assert ran.returncode == 1
    assert "died before its child had started" in ran.stderr
    assert not (tmp_path / "ran").exists()


def test_the_program_is_run_as_if_started_directly() -> None:
    show = "import sys; print(sys.argv[1:])"
    assert (
        run(*die_with_parent.command(["sh", "-c", "kill -PIPE $$"], signal.SIGTERM)).returncode
        == -signal.SIGPIPE
    )
    ran = run(*die_with_parent.command([sys.executable, "-c", show, "a b", ""], signal.SIGTERM))
    assert ran.stdout.startswith("['a b', '']")


def test_a_program_that_is_not_there() -> None:
    ran = run(*die_with_parent.command(["/no/such/program"], signal.SIGTERM))
    assert (ran.returncode, ran.stderr.strip()) == (
        1,
        "cannot run /no/such/program: No such file or directory",
    )


def test_signals_become_bytes_and_the_old_handlers_come_back() -> None:
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    with Signals() as signals:
        assert signals.received() == []
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)
        assert select.select([signals], [], [], 10)[0]
        assert signals.received() == [signal.SIGHUP, signal.SIGTERM]
    assert {signum: signal.getsignal(signum) for signum in before} == before
    assert signal.set_wakeup_fd(-1) == -1
