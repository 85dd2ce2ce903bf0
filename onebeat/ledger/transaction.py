"""In which order do fence, claim, handler and commit happen, and what follows when one of them fails?

    begin → register the fence → claim the key → handler → finish the row → confirm → commit

The fence is registered before the first read: checked only at the write it still loses updates,
because the new holder may read before the old one writes and registers (measured in docs: 2-3 % of
pauses). PostgreSQL makes a second holder, and a second claim, wait for the first transaction's end.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import and_, delete, or_, select, update

from onebeat.errors import Fenced, IdempotencyConflict, LedgerMisuse
from onebeat.failpoints import reach
from onebeat.ledger.entry import Done, Entry
from onebeat.ledger.faults import is_transient, pause_s
from onebeat.ledger.steps import Begin, Commit, Handler, Rows, Sql, Steps, Undo, Work
from onebeat.ledger.stored import pack, unpack
from onebeat.ledger.tables import FENCE, LEDGER, insert_into
from onebeat.wire import Pause

TRIES = 5  # transactions in one attempt; each SQLite one has already waited for its lock


class _Kept(NamedTuple):
    """A ledger row that is visible."""

    fingerprint: str
    message_id: str
    fence: int
    status: str
    result: str | None
    error: str | None


class _CommitFailed(Exception):
    """COMMIT was sent and not acknowledged: only the ledger knows whether it happened."""

    def __init__(self, result: Any, problem: Exception) -> None:
        super().__init__(str(problem))
        self.result = result
        self.problem = problem


def perform(
    entry: Entry,
    work: Handler,
    *,
    dialect: str,
    now_ms: int,
    confirm: Callable[[], None],
    luck: Callable[[], float],
) -> Steps[Done[Any]]:
    """The effect of `entry`, once. Transient failures begin again, handler included, `TRIES` times.

    Raises:
        Fenced, IdempotencyConflict, LedgerMisuse: see each; nothing of this attempt is visible.
        Exception: what the handler, `confirm` or the database raised; nothing is visible, unless the
            database did not say, even afterwards, whether it committed: then ask again with the same key.
    """
    unknown: _CommitFailed | None = None
    for tried in count(1):
        try:
            outcome = yield from _attempt(entry, work, dialect, now_ms, confirm)
            return outcome if isinstance(outcome, Done) else _replay(entry, outcome, unknown)
        except Exception as problem:
            yield Undo()
            unknown = problem if isinstance(problem, _CommitFailed) else unknown
            if unknown is not None:
                # also after Fenced: the first COMMIT may have come through before the newer holder's
                kept = yield from _look(entry.digest)
                if kept is not None:
                    return _replay(entry, kept, unknown)
            cause = problem.problem if isinstance(problem, _CommitFailed) else problem
            cut_off = cause is not problem and getattr(cause, "connection_invalidated", False)
            if tried >= TRIES or not (cut_off or is_transient(cause)):
                raise cause from cause.__cause__
        yield Pause(pause_s(tried, luck()))
    raise AssertionError("unreachable: count() does not end")


def _attempt(
    entry: Entry, work: Handler, dialect: str, now_ms: int, confirm: Callable[[], None]
) -> Steps[Done[Any] | _Kept]:
    yield Begin(entry.task)
    reach("ledger.begun")
    if entry.resource is not None:
        yield from _register(entry, entry.resource, dialect)
        reach("ledger.registered")
    kept = yield from _claim(entry, dialect, now_ms)
    if kept is not None:
        yield Undo()
        return kept
    reach("ledger.claimed")
    result = yield Work(work)
    reach("ledger.handled")
    text, note = pack(result)
    done = update(LEDGER).where(LEDGER.c.key == entry.digest).values(status="done", result=text, error=note)
    yield Sql(done)
    confirm()
    reach("ledger.confirmed")
    try:
        yield Commit()
    except Exception as problem:
        raise _CommitFailed(result, problem) from problem
    reach("ledger.committed")
    return Done(result, replayed=False, note=note)


def _register(entry: Entry, resource: str, dialect: str) -> Steps[None]:
    """The transaction's first statement; the row stays locked until its end.

    A lease's fence is its own, so an equal one is this message trying again under the same lease;
    from another message it is a number that was handed out twice, and refused.
    """
    fresh = insert_into(FENCE, dialect).values(
        namespace=entry.namespace, resource=resource, fence=entry.fence, holder=entry.message_id
    )
    answer: Rows = yield Sql(
        fresh.on_conflict_do_update(
            index_elements=[FENCE.c.namespace, FENCE.c.resource],
            set_={"fence": fresh.excluded.fence, "holder": fresh.excluded.holder},
            where=or_(
                FENCE.c.fence < fresh.excluded.fence,
                and_(FENCE.c.fence == fresh.excluded.fence, FENCE.c.holder == fresh.excluded.holder),
            ),
        )
    )
    if answer.touched == 1:
        return
    here = (FENCE.c.namespace == entry.namespace) & (FENCE.c.resource == resource)
    found: Rows = yield Sql(select(FENCE.c.fence, FENCE.c.holder).where(here))
    raise Fenced(
        f"{entry.message_id} holds fence {entry.fence} for {resource!r}, but {found.rows[0].holder} "
        f"registered {found.rows[0].fence}: its lease ended while it ran, nothing of it is kept; if the work "
        "takes longer than the lease, see that the process can renew it"
    )


def _claim(entry: Entry, dialect: str, now_ms: int) -> Steps[_Kept | None]:
    """None when the key is ours from now on; otherwise the row of whoever was first."""
    claim = insert_into(LEDGER, dialect).on_conflict_do_nothing(index_elements=[LEDGER.c.key])
    values = claim.values(
        key=entry.digest,
        task=entry.task,
        fingerprint=entry.fingerprint,
        message_id=entry.message_id,
        fence=entry.fence,
        status="claimed",
        created_ms=now_ms,
        expires_ms=now_ms + round(entry.retention_s * 1000),
    )
    while True:
        answer: Rows = yield Sql(values)
        if answer.touched == 1:
            return None
        kept = yield from _read(entry.digest)
        if kept is not None:  # else it was pruned between the two statements: claim again
            return kept


def _read(digest: str) -> Steps[_Kept | None]:
    answer: Rows = yield Sql(
        select(*(LEDGER.c[name] for name in _Kept._fields)).where(LEDGER.c.key == digest)
    )
    return _Kept(*answer.rows[0]) if answer.rows else None


def _look(digest: str) -> Steps[_Kept | None]:
    yield Begin(read_only=True)
    kept = yield from _read(digest)
    yield Undo()
    return kept


def _replay(entry: Entry, kept: _Kept, unknown: _CommitFailed | None) -> Done[Any]:
    if kept.fingerprint != entry.fingerprint:
        raise IdempotencyConflict(
            f"{entry.task} was already done under the key {entry.key!r} with other arguments (by message "
            f"{kept.message_id}): use another key, or the same arguments"
        )
    if kept.status != "done":
        raise LedgerMisuse(
            f"the ledger row of {entry.task}, key {entry.key!r}, was committed before its handler was over: "
            "the handler of an earlier attempt committed through the driver's connection. Find out what it "
            f"wrote, then delete the row {entry.digest} from onebeat_ledger to run it again"
        )
    if unknown is not None and (kept.message_id, kept.fence) == (entry.message_id, entry.fence):
        return Done(unknown.result, replayed=False, note=kept.error)
    return Done(unpack(kept.result), replayed=True, note=kept.error)


def recall(entry: Entry) -> Steps[Done[Any] | None]:
    """What came of `entry` if it is done, without doing it: for work that should not even start.

    Raises:
        IdempotencyConflict: it was done with other arguments.
    """
    kept = yield from _look(entry.digest)
    return None if kept is None else _replay(entry, kept, None)


def prune(now_ms: int, limit: int) -> Steps[int]:
    """Deletes at most `limit` rows whose retention is over, the oldest first; returns how many."""
    oldest = (
        select(LEDGER.c.key).where(LEDGER.c.expires_ms < now_ms).order_by(LEDGER.c.expires_ms).limit(limit)
    )
    yield Begin()
    # SKIP LOCKED (PostgreSQL; SQLite has one writer): two who prune share the rows instead of waiting
    answer: Rows = yield Sql(delete(LEDGER).where(LEDGER.c.key.in_(oldest.with_for_update(skip_locked=True))))
    yield Commit()
    return answer.touched
