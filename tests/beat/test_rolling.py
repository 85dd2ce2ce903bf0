"""While old and new files run side by side, in both directions, is any nominal time lost or doubled?"""

from __future__ import annotations

import signal
from itertools import pairwise
from pathlib import Path

from onebeat.wire import Store
from tests.beat.deploys import WITHIN_S, Seen, assert_whole, beat_on
from tests.servers import Server

STEP_MS = 500
HEAD = """\
defaults: {overlap: allow, catch_up: {policy: all, max: 10000}}
schedules:
  same: {task: "t:f", every: 500ms}
"""
OLD = f"""{HEAD}
  changed: {{task: "t:f", every: 500ms}}
  was: {{task: "t:f", every: 500ms}}
  moves: {{task: "t:f", every: 500ms}}
  only-old: {{task: "t:f", every: 500ms}}
"""
NEW = f"""{HEAD}
  changed: {{task: "t:g", every: 1s}}
  now: {{task: "t:f", every: 500ms, formerly: was}}
  moves: {{task: "t:f", every: 500ms, queue: other}}
  only-new: {{task: "t:f", every: 500ms}}
"""


def test_forward_with_a_restart_of_the_old_one_and_back(tmp_path: Path, server: Server, store: Store) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD)
    new.write_text(NEW)
    seen = Seen(store)
    with beat_on(old, store, server.url) as first:
        for id_ in ("same", "was", "moves", "only-old", "changed"):
            seen.more_of(id_)
        with beat_on(new, store, server.url) as second:
            seen.more_of("same", 6)  # by one or the other: a machine that stalls may hand it back
            first.kill()
            first.wait(WITHIN_S)
            for id_ in ("same", "now", "moves", "only-new", "changed"):
                seen.more_of(id_)
            with beat_on(old, store, server.url):
                seen.more_of("same", 6)
                second.send_signal(signal.SIGTERM)
                second.wait(WITHIN_S)
                for id_ in ("only-old", "was", "moves", "changed"):
                    seen.more_of(id_)
    for ids in (("same",), ("was", "now"), ("moves",), ("only-old",), ("only-new",)):
        assert_whole(seen.nominals(*ids), STEP_MS)
    changed = seen.nominals("changed")
    gaps = {later - sooner for sooner, later in pairwise(changed)}
    assert gaps <= {STEP_MS, 2 * STEP_MS}
    assert gaps >= {STEP_MS, 2 * STEP_MS}


def test_two_files_that_start_at_the_same_moment(tmp_path: Path, server: Server, store: Store) -> None:
    """Whichever comes second is the newest; nothing is emitted by both."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD)
    new.write_text(NEW.replace(", formerly: was", ""))
    seen = Seen(store)
    with beat_on(old, store, server.url), beat_on(new, store, server.url), beat_on(old, store, server.url):
        seen.more_of("same", 6)
        seen.more_of("moves", 6)
    assert_whole(seen.nominals("same"), STEP_MS)
    assert_whole(seen.nominals("moves"), STEP_MS)
