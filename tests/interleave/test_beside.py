"""Does the campaign beside the suite say how it ended, and leave nothing behind?"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from tests.interleave import beside

MANY, LONG_S = 1_000_000, 600.0


@pytest.fixture
def place() -> Iterator[beside.Place]:
    mine = beside.Place(f"test-{secrets.token_hex(6)}")
    yield mine
    mine.forget()


def stores(playing: Popen[bytes]) -> set[int]:
    """The stores that the players of a campaign have started."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        try:
            name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
            parents[int(entry.name)] = (int(rest.split()[1]), name)
        except (OSError, ValueError, IndexError):
            continue

    def below(pid: int) -> bool:
        while pid in parents and pid != playing.pid:
            pid = parents[pid][0]
        return pid == playing.pid

    return {pid for pid, (_, name) in parents.items() if "-server" in name and below(pid)}


def home(store: int) -> Path | None:
    """Where this store keeps its data: it shows its words, then nothing for a moment, then its socket."""
    shown = Path(f"/proc/{store}/cmdline").read_text()
    found = re.search(r"(/tmp/ob-[^/]+)/s\b", shown)
    return Path(found[1]) if found else None


def until(done: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_it_found_is_told(place: beside.Place) -> None:
    playing = beside.start(place, 20, LONG_S)
    tally = place.wait(120)
    beside.end(playing)
    assert tally["total"] >= 20
    assert tally["broken"] == []
    assert f"seed {tally['seed']}" in place.said.read_text()


def test_who_waits_for_too_long_is_told(place: beside.Place) -> None:
    playing = beside.start(place, MANY, LONG_S)
    with pytest.raises(AssertionError, match="still playing"):
        place.wait(0.5)
    beside.end(playing)


@pytest.mark.parametrize("end", [beside.end, Popen.kill], ids=["ended", "killed"])
def test_one_that_is_cut_short_leaves_nothing(
    place: beside.Place, end: Callable[[Popen[bytes]], None]
) -> None:
    playing = beside.start(place, MANY, LONG_S)
    try:
        until(lambda: (all_ := stores(playing)) and all(map(home, all_)))
        left = {path for pid in stores(playing) for path in (Path(f"/proc/{pid}"), home(pid)) if path}
    finally:
        end(playing)
        playing.wait()
    with pytest.raises(AssertionError, match="no summary"):
        place.wait(60)
    until(lambda: not any(path.exists() for path in left))
