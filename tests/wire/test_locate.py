"""Where do commands find the store, and what do they say when there is none?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from onebeat.errors import ConfigError
from onebeat.wire import find_store
from onebeat.wire.locate import HOME, RECORD, live_home, socket_url

ENVIRON = {"ONEBEAT_REDIS_URL": "redis://environ"}


def make_home(folder: Path, content: str) -> Path:
    home = folder / HOME
    home.mkdir(parents=True)
    (home / RECORD).write_text(content)
    return home


def running(folder: Path) -> str:
    return json.dumps({"pid": os.getpid(), "socket": str(folder / HOME / "s")})


def dead_pid() -> int:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


@pytest.mark.parametrize(
    ("flag", "environ", "config", "url", "source"),
    [
        ("redis://flag", ENVIRON, "redis://config", "redis://flag", "--redis"),
        (None, ENVIRON, "redis://config", "redis://environ", "ONEBEAT_REDIS_URL"),
        (None, {}, "redis://config", "redis://config", "configuration file"),
        ("", {"ONEBEAT_REDIS_URL": ""}, "redis://config", "redis://config", "configuration file"),
    ],
)
def test_what_is_named_wins_in_this_order(flag, environ, config, url, source, tmp_path: Path) -> None:
    make_home(tmp_path, running(tmp_path))
    found = find_store(flag, config=config, environ=environ, start=tmp_path)
    assert (found.value, found.source) == (url, source)


@pytest.mark.parametrize("below", [".", "deeply/below"])
def test_a_store_that_runs_here_or_above_is_found(below: str, tmp_path: Path) -> None:
    home = make_home(tmp_path, running(tmp_path))
    start = tmp_path / below
    start.mkdir(parents=True, exist_ok=True)
    found = find_store(environ={}, start=start)
    assert (found.value, found.source) == (f"unix://{home}/s", str(home))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": "x"}', '{"pid": null}'])
def test_an_unreadable_record_is_no_store(content: str, tmp_path: Path) -> None:
    make_home(tmp_path, content)
    assert live_home(tmp_path) is None


def test_a_dead_store_is_no_store_and_the_error_says_what_to_do(tmp_path: Path) -> None:
    make_home(tmp_path, json.dumps({"pid": dead_pid(), "socket": "s"}))
    with pytest.raises(ConfigError, match=r"onebeat up.*--redis URL.*ONEBEAT_REDIS_URL"):
        find_store(environ={}, start=tmp_path)


def test_a_live_store_above_a_dead_one_is_found(tmp_path: Path) -> None:
    make_home(tmp_path / "below", json.dumps({"pid": dead_pid(), "socket": "s"}))
    home = make_home(tmp_path, running(tmp_path))
    assert live_home(tmp_path / "below") == home


def test_a_record_without_a_socket_says_where_it_is(tmp_path: Path) -> None:
    home = make_home(tmp_path, '{"pid": 1}')
    with pytest.raises(ConfigError, match=RECORD):
        socket_url(home)
