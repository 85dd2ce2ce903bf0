"""Does an announcement reach who asked for it, once, and nobody else?"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from onebeat.ready import READY_FD, announce


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    out, into = os.pipe()
    yield out, into
    os.close(out)


def test_one_line_then_the_end(pipe: tuple[int, int]) -> None:
    out, into = pipe
    environ = {READY_FD: str(into), "OTHER": "stays"}
    announce("12 schedules\nnext 09:00", environ=environ)
    announce("again", environ=environ)
    assert os.read(out, 100) == b"ready 12 schedules next 09:00\n"
    assert os.read(out, 100) == b"", "closed, so that the reader sees the end"
    assert environ == {"OTHER": "stays"}, "a process started later must not announce in this one's name"


@pytest.mark.parametrize("value", [None, "", "x", "-1", "1 2"])
def test_nobody_asked(value: str | None) -> None:
    announce("text", environ={} if value is None else {READY_FD: value})


def test_a_number_that_leaked_is_not_written_to(pipe: tuple[int, int], tmp_path) -> None:
    _, into = pipe
    os.close(into)
    announce("text", environ={READY_FD: str(into)})
    with (tmp_path / "file").open("wb") as file:
        announce("text", environ={READY_FD: str(file.fileno())})
    assert (tmp_path / "file").read_bytes() == b""


def test_who_asked_may_be_dead() -> None:
    out, into = os.pipe()
    os.close(out)
    announce("text", environ={READY_FD: str(into)})
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(into)
