"""What happens to a reader who does what a page says? A folder, the page's files, its commands."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from onebeat import die_with_parent
from onebeat.config import as_text, load
from tests.docs.fences import ROOT, Block, Step, looks_like, plain, steps
from tests.worker.running import until

WITHIN_S = 90.0
LOOK_AGAIN_S = 60.0
LOOKS = re.compile(r"onebeat (doctor|list|show|runs|run|workers|queues|locks|dead(?! retry))\b")


class Reader:
    """Does one page, from the top to its end. `environ`: what a terminal of this reader knows."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._folder = folder
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ONEBEAT_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(folder),
            "TZ": "UTC",
            **environ,
        }
        self._services: list[tuple[str, subprocess.Popen[bytes], Path]] = []

    def do(self, block: Block) -> None:
        """Write the block's file, or run what it says; AssertionError where the page is wrong."""
        if block.title is not None:
            path = self._folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if block.language == "python":
            self._run([sys.executable, block.title] if block.title else [sys.executable, "-c", block.text])
        elif block.language == "yaml":
            self._load(block)
        elif block.language == "console":
            for step in steps(block):
                self._type(step)

    def leave(self) -> None:
        """Ctrl-C in every terminal that still runs something."""
        for command, process, log in self._services:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            code = process.wait(WITHIN_S)
            assert code == 0, f"'{command}' ended with {code}:\n{log.read_text()}"
            assert "Traceback" not in log.read_text(), log.read_text()

    def abandon(self) -> None:
        """Kill what a failed test left."""
        for _, process, _ in self._services:
            if process.poll() is None:
                process.terminate()
                process.wait(WITHIN_S)

    def _load(self, block: Block) -> None:
        path = self._folder / (block.title or "block.yaml")
        path.write_text(block.text, encoding="utf-8")
        loaded = load([path])
        assert not loaded.mistakes, as_text(loaded.mistakes)

    def _type(self, step: Step) -> None:
        words = step.command.split()
        if words[0] == "make":  # that the target is there; what it does is what the other commands do
            self._run(["make", "--dry-run", *words[1:]], cwd=ROOT)
        elif words[0] == "pip":
            _check_extras(step.command)
        elif step.command.startswith("python -m examples."):  # of a checkout, as `make` is
            self._check(step, self._run(words, cwd=ROOT))
        elif step.serves:
            self._serve(step)
        else:
            self._look(step)

    def _look(self, step: Step) -> None:
        """Run it; a person who looks at something that is only starting looks again."""
        end_s = time.monotonic() + LOOK_AGAIN_S
        while True:
            try:
                return self._check(step, self._run(["sh", "-c", step.command]))
            except AssertionError:
                if not LOOKS.match(step.command) or time.monotonic() > end_s:
                    raise
            time.sleep(0.2)

    def _check(self, step: Step, printed: str) -> None:
        same = not step.shown or looks_like(step.shown).fullmatch(plain(printed))
        assert same, f"'{step.command}' printed:\n{printed}\ninstead of:\n{step.shown}"

    def _run(self, argv: list[str], cwd: Path | None = None) -> str:
        done = subprocess.run(
            argv,
            cwd=cwd or self._folder,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, f"{argv} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def _serve(self, step: Step) -> None:
        log = self._folder / f"terminal{len(self._services)}.log"
        with open(log, "wb") as out:
            process = subprocess.Popen(
                die_with_parent.command(["onebeat", *step.command.split()[1:]], signal.SIGTERM),
                cwd=self._folder,
                env=self._environ,
                stdout=out,
                stderr=out,
            )
        self._services.append((step.command, process, log))
        wanted = looks_like(step.shown)

        def seen() -> bool:
            assert process.poll() is None, f"'{step.command}' ended:\n{log.read_text()}"
            return wanted.match(plain(log.read_text())) is not None

        try:
            until(seen, f"'{step.command}' to print what the page shows", WITHIN_S)
        except AssertionError as problem:
            raise AssertionError(f"{problem}; it printed:\n{log.read_text()}") from None


def _check_extras(command: str) -> None:
    """`pip install 'onebeat[up]'` needs a package index; that the extras exist can be seen here."""
    found = re.fullmatch(r"pip install '?onebeat(?:\[([\w,]+)\])?'?", command)
    assert found, command
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set((found[1] or "up").split(",")) <= set(known)
