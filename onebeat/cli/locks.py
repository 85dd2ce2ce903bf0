"""Who holds which lock, what happened to one, and how does a person take it away?"""

from __future__ import annotations

from collections.abc import Mapping

import click

from onebeat.app import App
from onebeat.cli.asking import somebody_is_there
from onebeat.cli.complain import verbose_option
from onebeat.cli.lock_run import run
from onebeat.cli.options import json_option, opens
from onebeat.cli.output import Column, note, print_facts, print_json, print_rows, print_table
from onebeat.cli.times import local_text, span_text, until_text, utc_text
from onebeat.errors import NotFound, Refused
from onebeat.keys import LockKeys, ShareKeys
from onebeat.locks import Holder, Lock, Roster, holders
from onebeat.locks.history import Hold, Story, story
from onebeat.locks.listing import holders_in
from onebeat.locks.roster import roster


@click.command()
@json_option
@opens()
def locks(app: App, as_json: bool) -> None:
    """List the locks that are held, of every kind.

    A semaphore and a lock for readers and writers have a line for each that is in, the first 64 of a name. A
    MultiLock is its parts; WITH names the others. Locks with redis-py's face have plain names: not listed.
    """
    print_rows(
        "onebeat.locks/1",
        holders(app.store),
        as_json=as_json,
        record=_holder_record,
        columns=[
            Column("LOCK", lambda row: row.name),
            Column("KIND", _kind),
            Column("HOST", lambda row: row.host),
            Column("PID", lambda row: row.pid or None, right=True),
            Column("TASK", lambda row: row.task),
            Column("HELD", lambda row: span_text(row.now_ms - row.since_ms), right=True),
            Column("ENDS", lambda row: until_text(row.remaining_ms), right=True),
            Column("FENCE", lambda row: row.fence, right=True),
            Column("WAITING", lambda row: row.waiters, right=True),
            Column("WITH", lambda row: ", ".join(row.beside)),
        ],
        empty="no lock is held",
    )


@click.group()
@verbose_option
def lock() -> None:
    """Show or release one lock, or run a command under it."""


@lock.command()
@click.argument("name")
@json_option
@opens()
def show(app: App, name: str, as_json: bool) -> None:
    """Show who holds a lock, who waits, and how its last holds ended; or who is in of a semaphore or RWLock.

    `release` is the usual end, `force` that by 'lock release'. `lapsed`: its holder died, or lost touch with
    the store for longer than the lease; the next one had to wait for that.
    """
    known = app.store.run(story(LockKeys(app.namespace.value, name)))
    shared = app.store.run(roster(ShareKeys(app.namespace.value, name)))
    if known is None and not shared.fence:
        raise NotFound(f"nobody used a lock {name!r} in the last 30 days: 'onebeat locks' lists what is held")
    if as_json:
        print_json("onebeat.lock/1", name=name, **_story_record(known), share=_share_record(shared))
        return
    if known is not None:
        _print_story(name, known)
    if shared.fence:
        _print_share(shared)


def _print_story(name: str, known: Story) -> None:
    holder = known.holder
    print_facts(
        [
            ("lock", name),
            ("held by", str(holder) if holder else "nobody"),
            ("ends", f"{until_text(holder.remaining_ms)}, unless renewed" if holder else None),
            ("with", ", ".join(holder.beside) if holder and holder.beside else None),
            ("waiting", holder.waiters if holder else None),
            ("last fence", known.fence),
        ]
    )
    if known.past:
        click.echo()
        print_table(
            known.past,
            [
                Column("ENDED", lambda one: local_text(one.until_ms or None)),
                Column("HOW", lambda one: one.ended),
                Column("HELD", lambda one: span_text(one.until_ms - one.since_ms if one.until_ms else None)),
                Column("WAITED", lambda one: span_text(one.waited_ms), right=True),
                Column("RENEWED", lambda one: one.renewals, right=True),
                Column("HOST", lambda one: one.host),
                Column("PID", lambda one: one.pid or None, right=True),
                Column("TASK", lambda one: one.task),
                Column("FENCE", lambda one: one.fence, right=True),
                Column("REASON", lambda one: one.reason),
            ],
        )


def _print_share(shared: Roster) -> None:
    print_facts(
        [
            ("semaphore or readers and writers", shared.name),
            ("in", shared.count),
            ("waiting", shared.waiters),
            ("last fence", shared.fence),
        ]
    )
    if shared.permits:
        click.echo()
        print_table(
            holders_in(shared),
            [
                Column("KIND", _kind),
                Column("HOST", lambda one: one.host),
                Column("PID", lambda one: one.pid or None, right=True),
                Column("TASK", lambda one: one.task),
                Column("HELD", lambda one: span_text(one.now_ms - one.since_ms), right=True),
                Column("ENDS", lambda one: until_text(one.remaining_ms), right=True),
                Column("FENCE", lambda one: one.fence, right=True),
                Column("WITH", lambda one: ", ".join(one.beside)),
            ],
        )


def _kind(row: Holder) -> str:
    return f"{row.kind} of {row.limit}" if row.limit else row.kind


@lock.command()
@click.argument("name")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stays in the lock's history.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@opens()
def release(app: App, name: str, reason: str, yes: bool, as_json: bool) -> None:
    """Take a lock from its holder, and give it to the next who waits.

    The holder goes on with its work until it notices: what it writes with its fence is refused from now on,
    what it does without one is not. A dead holder's lock is free by itself when its lease ends.
    """
    holder = Lock(app.store, name).peek()
    if holder is not None and not yes:
        _confirm(name, holder)
    taken = Lock.force_release(app.store, name, reason=reason)
    if as_json:
        print_json("onebeat.lock-released/1", name=name, reason=reason, holder=_holder_record(taken))
    else:
        note(f"{name} was taken from {taken}")


lock.add_command(run)


def _confirm(name: str, holder: Holder) -> None:
    """Return if the person at the terminal typed the name of the lock.

    Raises:
        Refused: they typed something else, or nobody is there to ask.
    """
    if not somebody_is_there():
        raise Refused(f"lock {name!r} is held by {holder}: to take it without being asked, add --yes")
    note(f"{name} is held by {holder}: its work goes on, and another may begin beside it")
    if click.prompt("Type the name of the lock to take it", err=True, default="", show_default=False) != name:
        raise Refused(f"that is not {name!r}: nothing was done")


def _story_record(known: Story | None) -> Mapping[str, object]:
    if known is None:
        return {"fence": None, "holder": None, "past": []}
    holder = _holder_record(known.holder) if known.holder else None
    return {"fence": known.fence, "holder": holder, "past": [_hold_record(one) for one in known.past]}


def _share_record(shared: Roster) -> Mapping[str, object] | None:
    if not shared.fence:
        return None
    inside = [_holder_record(one) for one in holders_in(shared)]
    return {"fence": shared.fence, "count": shared.count, "waiters": shared.waiters, "holders": inside}


def _holder_record(row: Holder) -> Mapping[str, object]:
    return {
        "name": row.name,
        "kind": row.kind or None,
        "limit": row.limit,
        "host": row.host or None,
        "pid": row.pid or None,
        "task": row.task or None,
        "since": utc_text(row.since_ms),
        "age_ms": row.now_ms - row.since_ms,
        "remaining_ms": row.remaining_ms,
        "fence": row.fence,
        "waiters": row.waiters,
        "with": list(row.beside),
    }


def _hold_record(one: Hold) -> Mapping[str, object]:
    return {
        "ended": one.ended,
        "host": one.host or None,
        "pid": one.pid or None,
        "task": one.task or None,
        "fence": one.fence,
        "since": utc_text(one.since_ms),
        "until": utc_text(one.until_ms or None),
        "waited_ms": one.waited_ms,
        "renewals": one.renewals,
        "reason": one.reason or None,
    }
