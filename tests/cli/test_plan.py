"""Do plan, diff, apply and prune tell what another file would change, and is a schedule's state kept?"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from onebeat.app import App
from onebeat.keys import queue_keys
from onebeat.queue.settling import cursors
from tests.beat.deploys import until
from tests.cli.commands import onebeat

FIRST = """\
schedules:
  a: {task: "t:f", every: 1h, kwargs: {secret: one}}
  b: {task: "t:f", every: 1h}
  c: {task: "t:f", every: 1h}
"""
SECOND = """\
schedules:
  a: {task: "t:f", every: 2h, queue: other, kwargs: {secret: two}}
  bee: {task: "t:f", every: 1h, formerly: b}
  d: {task: "t:f", cron: 0 3 * * *, timezone: Asia/Seoul}
"""


@contextmanager
def beat_of(path: Path, **options: object) -> Iterator[None]:
    """A beat in a thread on the file at `path`, from the moment on at which it emits."""
    app = App.open(path)
    running = app.beat()
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        until(lambda: running._desk.active, "the beat emits")
        yield
    finally:
        running.stop()
        thread.join()
        app.close()


@pytest.fixture
def path(app: App, folder: Path) -> Path:
    path = folder / "onebeat.yaml"
    path.write_text(FIRST)
    return path


def items(*words: str) -> dict[str, str]:
    return {one["id"]: one["change"] for one in onebeat(*words, "--json").json["items"]}


def test_before_any_beat_everything_is_added(path: Path) -> None:
    assert items("plan") == {"a": "added", "b": "added", "c": "added"}
    assert onebeat("plan").code == 0
    assert onebeat("diff").code == 1


def test_what_a_file_would_change(path: Path, folder: Path) -> None:
    with beat_of(path):
        assert (onebeat("plan").err, onebeat("diff").code) == ("onebeat: nothing would change\n", 0)
        new = folder / "new.yaml"
        new.write_text(SECOND)
        assert items("plan", "-c", "new.yaml") == {
            "a": "changed",
            "bee": "renamed",
            "c": "removed",
            "d": "added",
        }
        shown = onebeat("diff", "-c", "new.yaml")
    assert shown.code == 1
    assert "~ a\n    - arguments: digest " in shown.out
    assert "    - trigger: every 1h\n    + trigger: every 2h\n" in shown.out
    assert "> bee (formerly b)\n" in shown.out
    assert "two" not in shown.out


def test_more_than_half_gone_needs_a_word(path: Path, folder: Path) -> None:
    with beat_of(path):
        path.write_text("schedules: {a: {task: 't:f', every: 1h, kwargs: {secret: one}}}\n")
        assert onebeat("plan").code == 4
        assert "2 of 3 schedules would be gone (b, c)" in onebeat("plan", "--json").json["refused"]
        refused = onebeat("apply")
        assert refused.code == 4
        assert "give --allow-drop if this is meant" in refused.err
        done = onebeat("apply", "--allow-drop", "--wait", "60")
        assert (done.code, done.err) == (0, "onebeat: 2 changes; a beat runs it\n")
        assert onebeat("plan").code == 0


def test_a_beat_that_just_looked_takes_it_at_once(path: Path, app: App) -> None:
    """After a look that took long it leaves the files alone for long; a person does not wait for that."""
    assert app.running._news().config == app.loaded.fingerprint
    path.write_text(SECOND)
    app.running.live._next_s = math.inf
    meant = App.open().loaded.fingerprint
    assert app.running._news().config != meant
    assert onebeat("apply", "--wait", "0").code == 0
    assert app.running._news().config == meant


def test_nobody_runs_it(path: Path, folder: Path) -> None:
    waited = onebeat("apply", "--wait", "0.3")
    assert waited.code == 6
    assert "none is alive, start 'onebeat beat'" in waited.err
    with beat_of(path):
        (folder / "new.yaml").write_text(SECOND)
        waited = onebeat("apply", "--wait", "0.3", "-c", "new.yaml")
        assert waited.code == 6
        assert "1 beat on another one; do they have this file?" in waited.err
    assert onebeat("apply", "--wait", "0").code == 0


def test_prune_forgets_what_is_not_declared(path: Path, app: App, namespace: str) -> None:
    keys = queue_keys(namespace, "default")

    def known() -> set[str]:
        return set(app.store.run(cursors(keys, within_s=10.0)))

    with beat_of(path):
        pass
    path.write_text(FIRST.replace("  c: {", "  d: {"))
    refused = onebeat("prune", "--yes")
    assert refused.code == 4
    assert "the beats run another configuration" in refused.err
    with beat_of(path):
        assert known() == {"a", "b", "c", "d"}
        assert onebeat("prune", "--dry-run").out == "c\n"
        assert known() == {"a", "b", "c", "d"}
        assert onebeat("prune").code in (1, 130), "nobody answered the question"
        assert onebeat("prune", "--yes", "--json").json["items"] == [{"id": "c", "queue": "default"}]
        assert known() == {"a", "b", "d"}
        assert onebeat("prune", "--yes").out == ""


def test_a_list_of_some(path: Path) -> None:
    path.write_text(
        FIRST.replace("  b: {", "  b: {owner: me, tags: [x, y], ").replace("  c: {", "  c: {tags: [x], ")
    )
    for words, ids in (
        (("--tag", "x"), ["b", "c"]),
        (("--tag", "x", "--tag", "y"), ["b"]),
        (("--owner", "me"), ["b"]),
        (("--owner", "nobody"), []),
    ):
        assert [one["id"] for one in onebeat("list", *words, "--json").json["items"]] == ids
