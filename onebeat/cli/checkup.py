"""Which part of an installation is well, and which is not?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from onebeat.app import App
from onebeat.cli.complain import told
from onebeat.cli.output import counted
from onebeat.cli.places import lease_ms, queues_of
from onebeat.cli.times import span_text
from onebeat.clock import SYSTEM
from onebeat.ledger import counts, lost_events
from onebeat.queue import peek
from onebeat.queue.pages import fields
from onebeat.wire.health import Severity, inspect
from onebeat.wire.store_time import store_now_ms

BEAT_SILENT_MS = 10_000  # a beat says several times in a second that it lives; clocks differ
DAY_MS = 86_400_000


class Verdict(StrEnum):
    """How bad it is: a problem makes `doctor` fail."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of one part, and what mends it."""

    part: str
    verdict: Verdict
    text: str
    mend: str = ""


def examine_all(app: App) -> list[Finding]:
    """Every finding, part by part; a part that cannot be looked at is a problem itself, told once."""
    found: list[Finding] = []
    known: set[str] = set()
    for part, look in _LOOKS:
        try:
            found += look(app)
        except Exception as problem:  # what is broken is the answer, and the other parts are looked at too
            text = told(problem)[0]
            if text not in known:  # a store that is away keeps four parts from being seen
                found.append(Finding(part, Verdict.PROBLEM, text))
            known.add(text)
    return found


def _configuration(app: App) -> Iterator[Finding]:
    if not app.configured:
        text = "there is none, so there are no schedules"
        yield Finding("configuration", Verdict.WARNING, text, "write an onebeat.yaml, or give -c FILE")
        return
    enabled = sum(one.enabled for one in app.schedules)
    yield Finding(
        "configuration", Verdict.OK, f"{counted(len(app.schedules), 'schedule')}, {enabled} enabled"
    )
    if app.loaded.warnings:
        yield Finding(
            "configuration",
            Verdict.WARNING,
            counted(len(app.loaded.warnings), "warning"),
            "see 'onebeat check'",
        )


def _store(app: App) -> Iterator[Finding]:
    began_s = SYSTEM.mono_s()
    health = inspect(app.store)
    took = span_text(round((SYSTEM.mono_s() - began_s) * 1000))
    name = f"{health.engine or 'a server'} {health.version or 'of unknown version'}"
    found = f" ({health.words})" if health.words else ""
    yield Finding("store", Verdict.OK, f"{name}{found} at {app.store.where} answered in {took}")
    for one in health.problems:
        verdict = Verdict.PROBLEM if one.severity is Severity.REFUSE else Verdict.WARNING
        yield Finding("store", verdict, f"{one.text} [{one.name}]", one.mend)


def living_beats(app: App) -> list[Card]:
    """The beats that said something of late."""
    now_ms = SYSTEM.wall_ms()
    cards = [_card(text) for _, text in app.store.run(fields(app.store.space.beats))]
    return [card for card in cards if now_ms - card.seen_ms < BEAT_SILENT_MS]


def refusal(card: Card) -> str:
    """Why a beat runs on the configuration before the newest one."""
    return f"the beat {card.host}:{card.pid} keeps its last good configuration: {card.refused}"


def _beats(app: App) -> Iterator[Finding]:
    alive = living_beats(app)
    if alive:
        leading = sum(card.leads for card in alive)
        yield Finding("beats", Verdict.OK, f"{len(alive)} alive, {leading} leading")
        for card in alive:
            if card.refused:
                yield Finding(
                    "beats", Verdict.WARNING, refusal(card), "mend the file, or see 'onebeat check'"
                )
    else:
        yield Finding("beats", Verdict.PROBLEM, "none runs: nothing is queued", "start 'onebeat beat'")


class Card(msgspec.Struct):
    """What a beat writes about itself, as far as it matters here."""

    host: str = ""
    pid: int = 0
    seen_ms: int = 0
    leads: bool = False
    newest: bool = False
    config: str = ""
    refused: str = ""


def _card(text: bytes) -> Card:
    try:
        return msgspec.json.decode(text, type=Card)
    except msgspec.MsgspecError:  # written by another release
        return Card()


def _workers(app: App) -> Iterator[Finding]:
    now_ms = app.store.run(store_now_ms())
    alive = [one for one in app.store.run(peek.workers(app.namespace.value)) if lease_ms(one, now_ms) > 0]
    if not alive:
        yield Finding("workers", Verdict.PROBLEM, "none runs: nothing is done", "start 'onebeat worker'")
        return
    served = {queue for one in alive for queue in queues_of(one)}
    yield Finding("workers", Verdict.OK, f"{len(alive)} alive on {', '.join(sorted(served))}")
    wanted = {one.schedule.queue for one in app.store.run(app.catalog.list()) if one.schedule.enabled}
    for queue in sorted(wanted - served):
        mend = f"start 'onebeat worker -q {queue}'"
        yield Finding("workers", Verdict.PROBLEM, f"no worker serves the queue {queue}", mend)


def _queues(app: App) -> Iterator[Finding]:
    views = app.store.run(peek.queues(app.namespace.value))
    ready = sum(sum(view.ready) for view in views)
    yield Finding("queues", Verdict.OK, f"{counted(len(views), 'queue')}, {counted(ready, 'message')} ready")
    for view in views:
        if view.dead:
            mend = f"see 'onebeat dead {view.name}'"
            yield Finding(
                "queues", Verdict.WARNING, f"{counted(view.dead, 'dead letter')} in {view.name}", mend
            )


def _database(app: App) -> Iterator[Finding]:
    since_ms = SYSTEM.wall_ms() - DAY_MS
    states = counts(app.engine, since_ms=since_ms, namespace=app.namespace.value)
    told_of = ", ".join(f"{number} {state}" for state, number in sorted(states.items())) or "nothing"
    yield Finding("database", Verdict.OK, f"{app.engine.dialect.name}; within a day: {told_of}")
    for stream, number in sorted(lost_events(app.engine).items()):
        text = f"{counted(number, 'event')} of {stream} never reached the history"
        yield Finding("database", Verdict.WARNING, text, "keep a worker running: it writes the history")


_LOOKS: tuple[tuple[str, Callable[[App], Iterator[Finding]]], ...] = (
    ("configuration", _configuration),
    ("store", _store),
    ("beats", _beats),
    ("workers", _workers),
    ("queues", _queues),
    ("database", _database),
)
