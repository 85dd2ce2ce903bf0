"""What does TERM do to `onebeat worker`? It drains; a second one pushes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.end_to_end.site import Site
from tests.worker.running import PATIENCE_S, until

CONFIG = "imports: [tests.end_to_end.acts]\nschedules: {}\n"
BOTH = pytest.mark.parametrize("name", ["stand", "astand"], ids=["thread", "async"])


def left(site: Site) -> list[bytes]:
    redis = site.client.store.client
    return [record for key in site.keys.ready for record in redis.lrange(key, 0, -1)]


@BOTH
def test_term_lets_runs_end_and_gives_back_the_rest(make_site: Callable[[str], Site], name: str) -> None:
    site = make_site(CONFIG)
    for word in ("first", "second", "third"):
        site.client.enqueue(f"tests.end_to_end.acts:{name}", [word])
    worker = site.start("worker", "--concurrency", "1")
    until(lambda: site.spans("first"), "it runs")
    worker.terminate()
    until(lambda: "stopping:" in site.log("worker"), "it has heard it")
    site.tell("first")
    assert worker.wait(PATIENCE_S) == 0
    assert [span.end_s is not None for span in site.spans("first")] == [True]
    assert len(left(site)) == 2
    assert {record[2] for record in left(site)} == {0}, "a delivery was counted"


@BOTH
def test_a_worker_with_free_slots_lets_runs_end(make_site: Callable[[str], Site], name: str) -> None:
    """It waits for more work when it is told to stop; ending that wait must not end what runs."""
    site = make_site(CONFIG)
    worker = site.start("worker", "--concurrency", "8")
    site.until_working(1)
    site.client.enqueue(f"tests.end_to_end.acts:{name}", ["word"])
    until(lambda: site.spans("word"), "it runs")
    worker.terminate()
    until(lambda: "stopping:" in site.log("worker"), "it has heard it")
    site.tell("word")
    assert worker.wait(PATIENCE_S) == 0
    assert [span.end_s is not None for span in site.spans("word")] == [True]
    assert not left(site)


@BOTH
def test_a_second_term_pushes_back_and_another_worker_goes_on(
    make_site: Callable[[str], Site], name: str
) -> None:
    site = make_site(CONFIG)
    site.client.enqueue(f"tests.end_to_end.acts:{name}", ["word"])
    worker = site.start("worker", "--concurrency", "1")
    until(lambda: site.spans("word"), "it runs")
    worker.terminate()
    until(lambda: "stopping:" in site.log("worker"), "it has heard the first")
    worker.terminate()
    assert worker.wait(PATIENCE_S) == 0
    (record,) = left(site)
    assert record[2] == 0, "a delivery was counted"
    site.start("worker")
    until(lambda: len(site.spans("word")) == 2, "it runs elsewhere")
