"""Does a running beat follow its files, and keep the last good version of them?"""

from __future__ import annotations

import json
import re
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from onebeat.config import load_or_raise
from onebeat.queue.settling import approve
from onebeat.wire import Store
from tests.beat.deploys import Seen, assert_whole, beat_on, until
from tests.cli.commands import onebeat
from tests.servers import Server

STEP_MS = 500
ONE = '  {0}: {{task: "t:f", every: 500ms, overlap: allow, catch_up: {{policy: all}}}}\n'


def file_of(*ids: str) -> str:
    return "schedules:\n" + "".join(ONE.format(id_) for id_ in ids)


@pytest.fixture
def folder(tmp_path: Path, server: Server, store: Store, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for a configuration, in which commands find the store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONEBEAT_REDIS_URL", server.url)
    monkeypatch.setenv("ONEBEAT_NAMESPACE", store.namespace)
    monkeypatch.setenv("ONEBEAT_DB_URL", f"sqlite:///{tmp_path / 'history.db'}")
    return tmp_path


def refusals() -> str:
    """What `list` says beside the list."""
    return onebeat("list", "-c", "main.yaml").err


def test_an_edited_a_bad_and_an_emptied_file(folder: Path, server: Server, store: Store) -> None:
    path, seen = folder / "main.yaml", Seen(store)
    path.write_text(file_of("a", "b", "c"))
    with beat_on(path, store, server.url, "--health", "0"):
        port = health_port(path.with_suffix(".log"))
        seen.more_of("a")
        assert "note" not in ready_says(port)
        path.write_text(file_of("a", "b", "d"))
        seen.more_of("d")
        gone = len(seen.nominals("c"))

        path.write_text(file_of("a", "b", "d").replace("500ms", "500"))
        until(
            lambda: "beat" in onebeat("doctor", "--json").out and "OB111" in doctor(), "the bad file is told"
        )
        assert "OB111" in ready_says(port)["note"]
        until(lambda: ready_says(port)["ok"], "the last good version runs")
        seen.more_of("d")

        path.write_text(file_of("a"))
        until(lambda: "2 of 3 schedules would be gone (b, d)" in refusals(), "the emptied file is told")
        assert "2 of 3 schedules would be gone (b, d)" in ready_says(port)["note"]
        seen.more_of("d")
        store.run(approve(store.space, load_or_raise([path]).fingerprint))
        until(lambda: "keeps its last" not in refusals(), "what is meant is taken")
        assert "note" not in ready_says(port)
        stopped = len(seen.nominals("d"))
        seen.more_of("a")
        assert len(seen.nominals("d")) == stopped
        assert len(seen.nominals("c")) == gone
    assert_whole(seen.nominals("a"), STEP_MS)
    assert_whole(seen.nominals("d"), STEP_MS)


def health_port(log: Path) -> int:
    """Where the beat says that its health is."""
    found = re.search(r"health: http://127\.0\.0\.1:(\d+)/", log.read_text())
    assert found is not None
    return int(found[1])


def ready_says(port: int) -> dict[str, Any]:
    try:
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30)
    except urllib.error.HTTPError as not_ready:  # a machine that stands still
        answer = not_ready
    with answer:
        found: dict[str, Any] = json.load(answer)
        return found


def doctor() -> str:
    return json.dumps(onebeat("doctor", "--json").json)


def test_a_swapped_symbolic_link_and_a_signal(folder: Path, server: Server, store: Store) -> None:
    """As Kubernetes swaps a ConfigMap: the folder that `..data` names, in one step."""
    seen = Seen(store)
    for version, ids in (("v1", ("a", "b")), ("v2", ("a", "b", "c"))):
        (folder / version).mkdir()
        (folder / version / "more.yaml").write_text(file_of(*ids))
    (folder / "..data").symlink_to("v1")
    (folder / "more.yaml").symlink_to("..data/more.yaml")
    path = folder / "main.yaml"
    path.write_text("include: ['m[o]re.yaml']\n")
    with beat_on(path, store, server.url) as process:
        seen.more_of("a")
        (folder / "..new").symlink_to("v2")
        (folder / "..new").replace(folder / "..data")
        process.send_signal(signal.SIGHUP)
        seen.more_of("c")
        assert process.poll() is None
    assert_whole(seen.nominals("a"), STEP_MS)


def test_a_beat_does_not_start_on_an_emptied_file(folder: Path, server: Server, store: Store) -> None:
    path, seen = folder / "main.yaml", Seen(store)
    path.write_text(file_of("a", "b", "c"))
    with beat_on(path, store, server.url):
        for id_ in "abc":
            seen.more_of(id_, 1)
    path.write_text("schedules: {}\n")
    answer = onebeat("beat", "-c", "main.yaml")
    assert answer.code == 4
    assert "3 of 3 schedules would be gone (a, b, c)" in answer.err
    with beat_on(path, store, server.url, "--allow-drop"):
        pass
