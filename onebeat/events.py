"""What can happen to a fire or a message, and what does its log line carry? Pure.

Scripts append these as JSON lines to the queue's event log (`ob:T:log`, field `e`, one stream entry
per script call). The entry's id gives the time in Redis milliseconds, so no line repeats it.
`docs/reference/events.md` is generated from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Event(StrEnum):
    EMITTED = "emitted"
    SKIPPED = "skipped"
    CLAIMED = "claimed"
    ENDED = "ended"
    RETRIED = "retried"
    PARKED = "parked"
    RECOVERED = "recovered"
    RELEASED = "released"
    LATE_ACK = "late_ack"
    PAUSED = "paused"
    RESUMED = "resumed"
    QUEUE_PAUSED = "queue_paused"
    QUEUE_RESUMED = "queue_resumed"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"


class SkipReason(StrEnum):
    """Why a nominal time did not become a run."""

    OVERLAP = "overlap"  # the previous run is not over
    WINDOW = "window"  # missed while no beat ran, and older than the policy catches up with
    PAUSED = "paused"
    EXPIRED = "expired"  # claimed later after its nominal time than `expires` allows
    SINGLETON = "singleton"  # another run holds the singleton's lock
    EXCLUDED = "excluded"  # on a day that `except` leaves out
    QUEUED = "queued"  # another message is queued for the singleton (`scope: queued`)
    SUPERSEDED = "superseded"  # a younger call waits for the singleton's lock in its place (`keep: last`)
    LIMIT = "limit"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Row:
    """One event: its name, its fields beside `event` and `id`, and what it says."""

    event: Event
    fields: tuple[str, ...]
    meaning: str


_FIRE = ("schedule", "task", "nominal_ms")
EVENTS: tuple[Row, ...] = (
    Row(Event.EMITTED, (*_FIRE, "by"), "the beat queued a fire, or a person a run (`by`: trigger, backfill)"),
    Row(
        Event.SKIPPED,
        (*_FIRE, "reason", "count", "first_ms", "by"),
        "a nominal time will not run; `count` > 1 covers all of the schedule's times since `first_ms`",
    ),
    Row(Event.CLAIMED, ("worker", "deliveries"), "a worker took the message"),
    Row(
        Event.ENDED,
        (*_FIRE, "state", "attempt", "worker", "started_ms", "ended_ms", "error", "reason", "by"),
        "the message reached a terminal state; `by`: a person who purged the queue",
    ),
    Row(
        Event.RETRIED,
        (*_FIRE, "attempt", "worker", "started_ms", "ended_ms", "error", "delay_ms"),
        "an attempt failed and another one follows",
    ),
    Row(
        Event.PARKED,
        (*_FIRE, "attempt", "worker", "error", "delay_ms", "reason"),
        "it waits in the queue for its singleton's lock (`delay_ms`: when it looks again by itself), or "
        "for a slot of its key (`reason`: concurrency), or for its rate (`reason`: rate)",
    ),
    Row(Event.RECOVERED, ("worker", "deliveries"), "a dead worker's message went back to the front"),
    Row(Event.RELEASED, ("worker",), "a worker gave an unstarted message back"),
    Row(Event.LATE_ACK, ("worker",), "a former owner reported an end; nothing was changed"),
    Row(Event.PAUSED, ("schedule", "reason", "until_ms"), "its fires are skipped from now on"),
    Row(Event.RESUMED, ("schedule",), "it fires again"),
    Row(
        Event.QUEUE_PAUSED,
        ("by", "reason", "until_ms"),
        "nothing of the queue `id` is claimed any more, until a person resumes it or that time",
    ),
    Row(Event.QUEUE_RESUMED, ("by", "reason"), "a person let the queue `id` go on"),
    Row(Event.REDRIVEN, (*_FIRE, "by", "reason"), "a person queued a dead letter again, as if it were new"),
    Row(
        Event.DISCARDED,
        (*_FIRE, "by", "reason"),
        "a person threw a dead letter away; the message stays dead",
    ),
)
