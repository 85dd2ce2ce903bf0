"""Is an effect there exactly when its ledger row is, once per key, whichever driver performs it?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import registry

from onebeat.errors import IdempotencyConflict, LeaseLost
from onebeat.ledger import AsyncLedger, Ledger, transaction
from onebeat.ledger.steps import Rows
from onebeat.ledger.stored import RESULT_MAX_BYTES
from onebeat.ledger.tables import LEDGER
from tests.ledger.shop import EFFECT, Shop, adds, at_once, entry, maybe, sure


def test_an_effect_and_its_row_appear_together(shop: Shop, mode: str) -> None:
    done = shop.perform(mode, entry(fence=7), adds("a", result={"sent": 3}))
    assert (done.result, done.replayed, done.note) == ({"sent": 3}, False, None)
    assert shop.effects() == ["a"]
    (row,) = shop.entries()
    assert (row.key, row.status, row.message_id, row.fence) == (entry().digest, "done", "m@1", 7)
    assert row.result == '{"sent":3}'
    assert row.expires_ms - row.created_ms == 3_600_000


def test_the_second_time_replays(shop: Shop, mode: str) -> None:
    shop.perform(mode, entry(message="m@1"), adds("a", result=[1, 2]))
    done = shop.perform(mode, entry(message="m@2", fence=9), adds("b", result=[3]))
    assert (done.result, done.replayed) == ([1, 2], True)
    assert shop.effects() == ["a"]


def test_another_key_is_another_effect(shop: Shop, mode: str) -> None:
    shop.perform(mode, entry("k1"), adds("a"))
    shop.perform(mode, entry("k2"), adds("b"))
    assert shop.effects() == ["a", "b"]


def test_the_same_key_with_other_arguments_is_a_conflict(shop: Shop, mode: str) -> None:
    shop.perform(mode, entry(fingerprint="f"), adds("a"))
    with pytest.raises(IdempotencyConflict, match="with other arguments"):
        shop.perform(mode, entry(fingerprint="g"), adds("b"))
    assert shop.effects() == ["a"]


@pytest.mark.parametrize(
    "raised", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()]
)
def test_a_handler_that_raised_left_nothing(shop: Shop, mode: str, raised: BaseException) -> None:
    async def work(session: Any) -> None:
        await adds("a")(session)
        raise raised

    with pytest.raises(type(raised)):
        shop.perform(mode, entry(resource="r"), work)
    assert shop.nothing_happened()
    assert not shop.perform(mode, entry(resource="r"), adds("b")).replayed


def test_a_lost_lease_stops_the_commit(shop: Shop, mode: str) -> None:
    def lost() -> None:
        raise LeaseLost("it ended")

    with pytest.raises(LeaseLost):
        shop.perform(mode, entry(resource="r"), adds("a"), confirm=lost)
    assert shop.nothing_happened()


def test_the_lease_is_confirmed_after_the_work(shop: Shop, mode: str) -> None:
    order: list[str] = []

    async def work(session: Any) -> None:
        order.append("work")

    shop.perform(mode, entry(), work, confirm=lambda: order.append("confirm"))
    assert order == ["work", "confirm"]


def test_what_the_session_did_not_flush_is_flushed_before_the_lease_is_confirmed(
    shop: Shop, mode: str
) -> None:
    """A constraint must not fail first at COMMIT, where an error could mean success."""

    class Effect:
        pass

    registry().map_imperatively(Effect, EFFECT)
    confirmed: list[bool] = []

    async def work(session: Any) -> None:
        getattr(
            session, "sync_session", session
        ).autoflush = False  # else the ledger's own next statement would flush
        for _ in range(2):
            effect = Effect()
            effect.n, effect.name = 1, "twin"
            session.add(effect)

    with pytest.raises(IntegrityError):
        shop.perform(mode, entry(), work, confirm=lambda: confirmed.append(True))
    assert not confirmed
    assert shop.nothing_happened()


@pytest.mark.parametrize(
    ("result", "replayed"),
    [
        (None, None),
        ((1, "x"), [1, "x"]),
        ({"a": float("nan")}, {"a": None}),
        ("\0\ud7ff", "\0\ud7ff"),
        (2**53 + 1, 2**53 + 1),
    ],
)
def test_a_replay_returns_what_json_keeps(shop: Shop, mode: str, result: Any, replayed: Any) -> None:
    assert shop.perform(mode, entry(), adds("a", result)).result is result
    done = shop.perform(mode, entry(), adds("b"))
    assert (done.result, done.replayed, done.note) == (replayed, True, None)


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (object(), "Encoding objects of type object is unsupported"),
        ("\ud800", "surrogates not allowed"),
        ("x" * RESULT_MAX_BYTES, f"at most {RESULT_MAX_BYTES} are kept"),
    ],
)
def test_a_result_that_cannot_be_kept_does_not_fail_the_effect(
    shop: Shop, mode: str, result: Any, why: str
) -> None:
    first = shop.perform(mode, entry(), adds("a", result))
    again = shop.perform(mode, entry(), adds("b"))
    assert first.result is result
    assert (again.result, again.replayed) == (None, True)
    assert why in (first.note or "")
    assert again.note == first.note
    assert shop.effects() == ["a"]


def test_a_part_may_fail_in_a_savepoint(shop: Shop, mode: str) -> None:
    async def work(session: Any) -> None:
        await adds("a")(session)
        nested = await maybe(session.begin_nested())
        await adds("b")(session)
        await maybe(nested.rollback())
        nested = await maybe(session.begin_nested())
        await adds("c")(session)
        await maybe(nested.commit())

    shop.perform(mode, entry(), work)
    assert shop.effects() == ["a", "c"]


def test_recall_looks_and_does_nothing(shop: Shop) -> None:
    assert shop.ledger.recall(entry()) is None
    shop.perform("sync", entry(), adds("a", result=5))
    found = shop.ledger.recall(entry())
    assert found is not None
    assert (found.result, found.replayed) == (5, True)
    with pytest.raises(IdempotencyConflict):
        shop.ledger.recall(entry(fingerprint="g"))


def test_the_async_ledger_has_the_same_methods(shop: Shop) -> None:
    async def check() -> None:
        ledger = AsyncLedger(shop.url)
        try:
            await ledger.create_tables()
            assert await ledger.recall(entry()) is None
            await ledger.perform(entry(), adds("a", result=5), confirm=sure)
            found = await ledger.recall(entry())
            assert found is not None
            assert found.result == 5
            assert await ledger.prune(now_ms=2**53) == 1
        finally:
            await ledger.close()

    asyncio.run(check())
    assert shop.entries() == []


def test_pruning_takes_expired_rows_in_small_batches(shop: Shop) -> None:
    for n in range(5):
        shop.perform("sync", entry(f"k{n}"), adds("a"))
    expires_ms = max(row.expires_ms for row in shop.entries())
    assert shop.ledger.prune(now_ms=min(row.expires_ms for row in shop.entries())) == 0
    assert shop.ledger.prune(now_ms=expires_ms + 1, limit=3) == 3
    assert shop.ledger.prune(now_ms=expires_ms + 1, limit=3) == 2
    assert shop.entries() == []


class FixedClock:
    def wall_ms(self) -> int:
        return 1_000

    def mono_s(self) -> float:
        return 0.0


def test_an_expired_row_that_is_still_there_still_counts(shop: Shop) -> None:
    old = Ledger(shop.url, clock=FixedClock())
    old.perform(entry(), at_once(adds("a")), confirm=sure)
    old.close()
    assert shop.entries()[0].created_ms == 1_000
    assert shop.perform("sync", entry(), adds("b")).replayed


def test_a_row_that_was_pruned_between_claim_and_read_is_claimed_again(shop: Shop) -> None:
    """Played without a database: the insert met a row, the read no longer finds it."""
    steps = transaction._claim(entry(), "sqlite", 0)
    next(steps)
    steps.send(Rows(0, ()))
    steps.send(Rows(0, ()))
    with pytest.raises(StopIteration) as stop:
        steps.send(Rows(1, ()))
    assert stop.value.value is None


def test_the_ledger_row_alone_decides(shop: Shop, mode: str) -> None:
    """Whoever restores a ledger row from a backup restores the fact that it was done."""
    values = {"key": entry().digest, "task": "t", "fingerprint": "f", "message_id": "old", "fence": 1}
    with shop.engine.begin() as connection:
        row = values | {"status": "done", "result": '"old"', "created_ms": 0, "expires_ms": 1}
        connection.execute(insert(LEDGER).values(row))
    assert shop.perform(mode, entry(), adds("a")).result == "old"
    assert shop.effects() == []
