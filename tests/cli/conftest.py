"""What do the tests of the command line stand on? A folder with a configuration, a store and a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from onebeat.app import App
from tests.servers import Server

CONFIG = """\
imports: [tests.cli.tasks]
timezone: Europe/Berlin
schedules:
  nightly: {task: "tests.cli.tasks:report", cron: "30 2 * * *", dst: {gap: run-after, fold: first},
            queue: reports, owner: data-team, tags: [money]}
  often: {task: "tests.cli.tasks:report", every: 5m, queue: reports, kwargs: {word: often}}
  broken: {task: "tests.cli.tasks:fails", manual: true}
  resting: {task: "tests.cli.tasks:fails", every: 1h, enabled: false}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a configuration in it; nothing in the environment says anything."""
    for name in ("CONFIG", "REDIS_URL", "DB_URL", "NAMESPACE"):
        monkeypatch.delenv(f"ONEBEAT_{name}", raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "onebeat.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def app(folder: Path, server: Server, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """What every command in `folder` opens: the environment names the store and a database."""
    monkeypatch.setenv("ONEBEAT_REDIS_URL", server.url)
    monkeypatch.setenv("ONEBEAT_DB_URL", f"sqlite:///{folder / 'history.db'}")
    monkeypatch.setenv("ONEBEAT_NAMESPACE", namespace)
    opened = App.open()
    yield opened
    opened.close()
