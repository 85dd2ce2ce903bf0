"""How does a child of the supervisor start, speak and stop?"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from onebeat import die_with_parent
from onebeat.embedded.lines import Lines
from onebeat.embedded.part import End, end_of
from onebeat.ready import READY_FD, WORD

_READ_MAX = 64 * 1024  # bytes, a whole pipe on Linux
_READS_MAX = 16  # in one go, so that a child that never pauses cannot keep the others waiting


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run; `env` comes on top of the supervisor's own environment.

    `announces`: the program calls `onebeat.ready.announce`; one that does not counts as ready at once.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    announces: bool = True


class Child:
    """One running, or dead, incarnation after the other of a spec.

    It runs in a session of its own: a Ctrl-C in the terminal reaches only the supervisor, which stops
    the parts in their order, and `cut` reaches everything that the child started.
    """

    def __init__(self, spec: ChildSpec, environ: Callable[[], Mapping[str, str]]) -> None:
        self.name = spec.name
        self._spec = spec
        self._environ = environ  # asked at each launch: the store's URL is known late
        self._process: subprocess.Popen[bytes] | None = None
        self._end: End | None = None
        self._ready: str | None = None
        self._output: int | None = None
        self._announced: int | None = None
        self._output_lines, self._ready_lines = Lines(), Lines()

    def launch(self) -> None:
        """Start the program; it is killed when this process ends, however that happens."""
        self.close()
        self._end = None
        self._ready = None if self._spec.announces else "started"
        self._output_lines, self._ready_lines = Lines(), Lines()
        self._output, output_in = os.pipe()
        self._announced, announced_in = os.pipe()
        for fd in (self._output, self._announced):
            os.set_blocking(fd, False)
        env = {**self._environ(), **self._spec.env, READY_FD: str(announced_in), "PYTHONUNBUFFERED": "1"}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                die_with_parent.command(self._spec.argv, signal.SIGKILL),
                stdin=subprocess.DEVNULL,
                stdout=output_in,
                stderr=output_in,
                env=env,
                pass_fds=(announced_in,),
                start_new_session=True,
            )
        finally:
            os.close(output_in)
            os.close(announced_in)

    @property
    def streams(self) -> tuple[int, ...]:
        """The descriptors that have something to read when the child has said something."""
        return tuple(fd for fd in (self._output, self._announced) if fd is not None)

    def heard(self) -> list[str]:
        """The lines that it printed since the last call; takes note of its announcement."""
        self._announced, said = _drain(self._announced, self._ready_lines)
        for line in said:
            word, _, text = line.partition(" ")
            if word == WORD:
                self._ready = text
        self._output, printed = _drain(self._output, self._output_lines)
        return printed

    def readiness(self) -> str | None:
        """The text that it announced."""
        return self._ready

    def ended(self) -> End | None:
        """How it ended; what it had started is killed with it."""
        if self._end is None and self._process is not None:
            returncode = self._process.poll()
            if returncode is not None:
                self._kill_group(self._process.pid)
                self._end = end_of(returncode)
        return self._end

    def ask_to_stop(self) -> None:
        """SIGTERM to the program alone: it stops what it started itself."""
        if self._process is not None:
            self._process.terminate()

    def cut(self) -> None:
        """Kill the program and what it started."""
        if self._process is not None and self._process.poll() is None:
            self._kill_group(self._process.pid)

    def close(self) -> None:
        """Stop listening."""
        for fd in self.streams:
            os.close(fd)
        self._output = self._announced = None

    def _kill_group(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _drain(fd: int | None, lines: Lines) -> tuple[int | None, list[str]]:
    """What can be read now; the descriptor is closed, and given back as None, at its end."""
    found: list[str] = []
    if fd is None:
        return None, found
    for _ in range(_READS_MAX):
        try:
            chunk = os.read(fd, _READ_MAX)
        except BlockingIOError:
            break
        if not chunk:
            os.close(fd)
            return None, found + lines.finish()
        found += lines.feed(chunk)
    return fd, found
