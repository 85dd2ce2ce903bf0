"""Runs that take longer than a lease, or than their period: never twice, never two at a time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from onebeat.ledger import Run
from tests.end_to_end.site import Site
from tests.worker.running import until

LONG_S = 30.0
LEASE_MS = 12_000  # of the workers: shorter than the run, and longer than a machine stands still
CONFIG = """
imports: [tests.end_to_end.acts]
schedules:
  alone:
    task: tests.end_to_end.acts:hold
    every: 1s
    overlap: allow
    singleton: {key: alone}
    kwargs: {word: alone, seconds: 3}
  one-after-another:
    task: tests.end_to_end.acts:hold
    every: 1s
    kwargs: {word: one-after-another, seconds: 3}
"""


def test_long_runs(make_site: Callable[[str], Site]) -> None:
    site = make_site(CONFIG)
    site.client.enqueue("tests.end_to_end.acts:hold", ["long", LONG_S])
    for words in ("beat", "worker", "worker"):
        site.start(words, lease_ms=LEASE_MS)
    until(lambda: any(one.end_s for one in site.spans("long")), "the long run to end", LONG_S + 90)
    assert site.stop() == [0, 0, 0]

    assert len(site.spans("long")) == 1, "a run longer than the lease of its worker ran again"
    for word, reason in (("alone", "singleton"), ("one-after-another", "overlap")):
        history = [run for run in site.history() if run.schedule == word]
        check_apart(site, word)
        check_complete(history)
        skipped = [run for run in history if run.state == "skipped"]
        assert {run.reason for run in skipped} == {reason}
        assert len(skipped) >= 10
    assert not [run for run in site.history() if (run.deliveries or 0) > 0], "a message moved"


def check_apart(site: Site, word: str) -> None:
    """No two of its runs overlap in time."""
    spans = site.spans(word)
    assert len(spans) >= 6
    for one, following in pairwise(spans):
        assert one.end_s is not None
        assert one.end_s <= following.begin_s, f"{one.run} and {following.run} ran at the same time"


def check_complete(history: list[Run]) -> None:
    """Each second from the first to the last is in the history once."""
    assert {run.count for run in history} == {1}
    seconds = sorted((run.nominal_ms or 0) // 1000 for run in history)
    assert seconds == list(range(seconds[0], seconds[-1] + 1))
