"""Is everything private, and is the socket's path short enough?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onebeat.embedded.held_file import HeldFile
from onebeat.embedded.home import SOCKET_PATH_MAX, Home, socket_path
from onebeat.errors import ConfigError, Refused


def long(base: Path) -> Path:
    """A folder whose socket would not fit."""
    return base / ("x" * SOCKET_PATH_MAX) / ".onebeat"


@pytest.mark.parametrize("excess", [0, 1])
def test_the_socket_stays_inside_as_long_as_it_fits(excess: int, folder: Path) -> None:
    size = SOCKET_PATH_MAX + excess - len(f"{folder}//store.sock")
    inside = folder / ("é" * (size // 2) + "x" * (size % 2))  # bytes count, not characters
    chosen = socket_path(inside, {"XDG_RUNTIME_DIR": str(folder)})
    assert (chosen.parent == inside) is (excess == 0)
    assert len(os.fsencode(chosen)) <= SOCKET_PATH_MAX


def test_a_stand_in_is_the_same_for_the_same_folder_only(folder: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(folder)}
    one, again, other = (socket_path(long(Path(base)), environ) for base in ("/a", "/a", "/b"))
    assert one == again != other
    assert one.parent.parent == folder


@pytest.mark.parametrize("runtime", ["/no/such/folder", "/" + "y" * 100])
def test_an_unusable_runtime_folder_is_passed_over(runtime: str, tmp_path: Path) -> None:
    chosen = socket_path(long(tmp_path), {"XDG_RUNTIME_DIR": runtime})
    assert not str(chosen).startswith(runtime)
    assert len(os.fsencode(chosen)) <= SOCKET_PATH_MAX


def test_folders_are_for_their_owner_only(folder: Path) -> None:
    (folder / "run").mkdir()
    outside = Home(long(folder), environ={"XDG_RUNTIME_DIR": str(folder / "run")})
    inside = Home(folder / ".onebeat")
    inside.folder.mkdir(mode=0o755)
    for home in (inside, outside):
        home.make()
        home.make()
        assert home.folder.stat().st_mode & 0o777 == 0o700
        assert home.socket.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("trap", ["open", "link", "file"])
def test_a_stand_in_that_somebody_prepared_is_refused(trap: str, folder: Path) -> None:
    home = Home(long(folder), environ={"XDG_RUNTIME_DIR": str(folder)})
    place = home.socket.parent
    if trap == "open":
        place.mkdir()
        place.chmod(0o755)
    elif trap == "link":
        (folder / "theirs").mkdir(mode=0o700)
        place.symlink_to(folder / "theirs")
    else:
        place.touch()
    with pytest.raises((Refused, ConfigError), match=r"not a private folder|cannot be used"):
        home.make()


def test_a_folder_that_cannot_be_made(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(ConfigError, match="cannot be used"):
        Home(folder / "file" / ".onebeat").make()


def test_a_lock_is_free_when_its_last_holder_lets_go(folder: Path) -> None:
    one, two = HeldFile(folder / "lock"), HeldFile(folder / "lock")
    assert one.holder() == "unknown"
    assert one.take()
    assert not two.take()
    assert two.holder() == str(os.getpid())
    inherited = os.dup(one.fileno())  # what a child has
    one.give()
    assert not two.take()
    os.close(inherited)
    assert two.take()
    two.give()
    with pytest.raises(ValueError, match="not held"):
        two.fileno()
