"""Do beats follow what programs make, change and delete, each nominal time once, without a restart?"""

from __future__ import annotations

from pathlib import Path

import pytest

from onebeat import Client
from onebeat.keys import queue_keys
from onebeat.queue.settling import cursors
from onebeat.wire import Store
from tests.beat.deploys import WITHIN_S, Seen, assert_whole, beat_on, until
from tests.servers import Server

STEP_MS = 500
ALL = {"policy": "all", "max": 10_000}
FILE = 'schedules:\n  in-file: {task: "t:f", every: 500ms, overlap: allow, catch_up: {policy: all}}\n'


@pytest.fixture
def client(store: Store) -> Client:
    return Client(store)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "main.yaml"
    file.write_text(FILE)
    return file


def test_two_beats_follow_a_program_while_they_are_killed(
    path: Path, server: Server, store: Store, client: Client
) -> None:
    """Made, changed, paused, deleted, made anew: by any of two beats, of which one is killed each time."""
    seen, schedules = Seen(store), client.schedules
    with beat_on(path, store, server.url) as first:
        seen.more_of("in-file")
        assert schedules.create("tick", "t:f", every="500ms", overlap="allow", catch_up=ALL)
        seen.more_of("tick")
        with beat_on(path, store, server.url) as second:
            first.kill()
            first.wait(WITHIN_S)
            seen.more_of("tick")
            assert_whole(seen.nominals("tick"), STEP_MS)

            before = schedules.describe("tick")
            assert schedules.pause("tick", reason="tests")
            schedules.update("tick", every="1s", offset="250ms")
            assert schedules.describe("tick").paused
            until(lambda: schedules.describe("tick").cursor > before.cursor, "what is paused is decided")
            old = [at for at in seen.nominals("tick") if at % STEP_MS == 0]
            with beat_on(path, store, server.url):
                second.kill()
                second.wait(WITHIN_S)
                assert schedules.resume("tick")
                seen.more_of("tick")
                new = seen.nominals("tick")
                assert new[: len(old)] == old, "by the old rule nothing is queued after the change"
                assert all(at % 1000 == 250 for at in new[len(old) :])
                assert len(new) == len(set(new))

                assert schedules.delete("tick")
                gone = seen.nominals("tick")
                seen.more_of("in-file", 4)
                assert seen.nominals("tick") == gone, "nothing after 'delete' has returned"
                assert "tick" not in store.run(cursors(queue_keys(store.namespace, "default"), within_s=9))
                assert schedules.create("tick", "t:f", every="500ms", overlap="allow", catch_up=ALL)
                seen.more_of("tick", 4)
                assert_whole(seen.nominals("tick")[len(gone) :], STEP_MS)
    assert_whole(seen.nominals("in-file"), STEP_MS)
