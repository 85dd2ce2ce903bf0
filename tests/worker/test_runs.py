"""Every way in which a run can end, through one real worker."""

from __future__ import annotations

import json

import pytest

from onebeat.errors import BadArguments
from tests.worker import acts
from tests.worker.running import Workshop, until

BAD = ["system-exit", "keyboard", "generator", "odd", "base", "stop", "cancelled", "recursion", "no text"]


def test_every_end(shop: Workshop) -> None:
    """One worker survives every kind of failure; each message reaches exactly one end."""
    failing = {shop.enqueue(name, kind): kind for name in ("fail", "afail") for kind in BAD}
    late = {shop.enqueue(name, name): name for name in ("overtime", "aovertime")}
    gave_up = shop.enqueue("give_up", "given up")
    unknown = shop.client.enqueue("nowhere:nothing").id
    mistyped = shop.enqueue("typed", "not a date")
    shop.enqueue("typed", "2026-01-31", delay=0.1)
    shop.enqueue("flaky", "flaky", 2)
    too_flaky = shop.enqueue("flaky", "flakier", 3)
    shop.enqueue("ask_again", "again")
    shop.enqueue("write", "written")
    shop.enqueue("awrite", "awaited")
    worker = shop.worker()
    wanted = {*failing, *late, gave_up, mistyped, too_flaky}
    until(lambda: set(shop.dead()) >= wanted, "every failing message is dead")
    until(lambda: shop.words() == ["written", "awaited"] or len(shop.words()) == 2, "the effects")
    until(lambda: "date 1" in shop.notes() and "again attempt 2" in shop.notes(), "delayed and retried runs")
    why = {id_: json.loads(text) for id_, text in shop.dead().items()}
    assert set(why) == wanted
    assert worker.poll() is None
    assert all(why[id_]["error"].startswith("TimeLimit") for id_ in late)
    assert {f"{name} was told" for name in late.values()} <= set(shop.notes())
    assert shop.notes().count("given up") == 1, "give_up_on must not be tried again"
    assert why[mistyped]["error"].startswith("BadArguments: task tests.worker.acts:typed: argument 'day'")
    notes = shop.notes()
    assert [n for n in notes if n.startswith("flaky ")] == [f"flaky attempt {n}" for n in (1, 2, 3)]
    assert [n for n in notes if n.startswith("flakier ")] == [f"flakier attempt {n}" for n in (1, 2, 3)]
    due = shop.client.store.client.zrange(shop.keys.due, 0, -1)
    assert due == [unknown.encode()], "an unknown task is parked, not lost"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("soon",), "Invalid RFC3339 encoded date"),
        ((), "missing a required argument: 'day'"),
        (("2026-01-31", "many"), "argument 'count': Expected `int`, got `str`"),
        (("2026-01-31", 1, 2), "too many positional arguments"),
    ],
)
def test_arguments_are_checked_where_they_are_given(args: tuple[object, ...], words: str) -> None:
    with pytest.raises(BadArguments, match=words):
        acts.typed.delay(*args)


def test_a_singleton_skips_and_says_who_holds_it(shop: Workshop) -> None:
    for word in ("first", "second"):
        shop.enqueue("alone", "a", word)
    shop.enqueue("alone", "b", "other room", 1, 2)
    shop.tell("b")
    shop.worker()
    until(lambda: shop.stats().get("skip") == 1, "one is skipped")
    shop.tell("a")
    until(lambda: shop.stats().get("finish") == 2, "two have run")
    assert len([note for note in shop.notes() if note.startswith("begin")]) == 2
    assert "begin other room 2" in shop.notes()
    assert "is held by process" in shop.log()


def test_a_key_is_one_effect(shop: Workshop) -> None:
    handles = [shop.client.enqueue("tests.worker.acts:write", ["once"], key="order-7") for _ in range(3)]
    shop.worker()
    until(lambda: shop.stats().get("finish") == 1, "it has run")
    assert shop.words() == ["once"]
    assert [handle.existing for handle in handles] == [False, True, True]
