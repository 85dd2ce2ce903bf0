"""What does a decision of the planner put into the queue? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from onebeat.events import Event
from onebeat.queue import payload
from onebeat.queue.emission import Fire
from onebeat.queue.record import LIVE, RECORDED, Header, Message, RetryPolicy, SingletonHead, event_line, pack
from onebeat.scheduler.blanks import filled, has_blanks
from onebeat.scheduler.instants import at_ms
from onebeat.scheduler.planner import Decision
from onebeat.scheduler.schedule import RetryRule, Schedule, SingletonRule

_NO_ARGUMENTS = payload.encode((), {})


def fire_id(schedule: str, nominal_ms: int) -> str:
    """The identity of a fire: the same for every beat, so that it exists once."""
    return f"{schedule}@{nominal_ms}"


def stretch_id(schedule: str, first_ms: int, last_ms: int) -> str:
    """The identity of a stretch of skipped times; a single one is skipped under its own."""
    return fire_id(schedule, last_ms) if first_ms == last_ms else f"{schedule}@{first_ms}~{last_ms}"


def unique_name(schedule: Schedule, kwargs: Mapping[str, Any]) -> str:
    """Which singleton a run with these `kwargs` is queued for.

    A key that they cannot fill in is taken as it is written: a configuration with such a key is refused,
    and what is left are values of the moment, for which no beat may stop.
    """
    rule = schedule.singleton
    if rule is None or rule.key is None:
        return schedule.task
    try:
        return rule.key.format_map(kwargs)
    except (LookupError, AttributeError, ValueError, TypeError):
        return rule.key


class Mould(msgspec.Struct, frozen=True, gc=False):
    """A schedule as the form of its messages; made for the moment, a million of them would be heavy."""

    schedule: Schedule

    def _unique(self, id_: str, nominal_ms: int) -> str:
        """The singleton for which this run is queued once; empty without one."""
        rule = self.schedule.singleton
        if rule is None or rule.scope != "queued":
            return ""
        return unique_name(self.schedule, self._given(id_, nominal_ms)[1])

    def message(self, id_: str, nominal_ms: int, flags: int) -> Message:
        """The message for one nominal time; raises as `payload.encode`."""
        schedule = self.schedule
        header = Header(
            task=schedule.task,
            schedule=schedule.id,
            nominal_ms=nominal_ms,
            expires_at_ms=None if schedule.expires_ms is None else nominal_ms + schedule.expires_ms,
            timeout_ms=schedule.timeout_ms,
            hard_timeout_ms=schedule.hard_timeout_ms,
            retries=None if schedule.retries is None else _retries(schedule.retries),
            singleton=None if schedule.singleton is None else _singleton(schedule.singleton),
            unique=self._unique(id_, nominal_ms),
        )
        # `enqueued` is the nominal time, so that a recovered fire goes before younger ones
        return Message(
            id_,
            header,
            self._body_for(id_, nominal_ms),
            flags,
            priority=schedule.priority,
            enqueued_ms=max(0, nominal_ms),
        )

    def _body_for(self, id_: str, nominal_ms: int) -> bytes:
        """The arguments of one run, with its blanks filled in.

        Raises:
            BadPayload: they cannot be stored.
        """
        schedule = self.schedule
        if not schedule.args and not schedule.kwargs:
            return _NO_ARGUMENTS
        return payload.encode(*self._given(id_, nominal_ms))

    def _given(self, id_: str, nominal_ms: int) -> tuple[Any, Any]:
        schedule = self.schedule
        if not has_blanks(schedule.args) and not has_blanks(schedule.kwargs):
            return schedule.args, schedule.kwargs
        zone = ZoneInfo(self.schedule.timezone)

        def lookup(name: str) -> datetime | str | None:
            if name == "run_id":
                return id_
            nominal = at_ms(nominal_ms).astimezone(zone)
            found = nominal if name == "nominal" else self.schedule.trigger.prev(nominal)
            return found and found.astimezone(zone)

        return filled(self.schedule.args, lookup), filled(self.schedule.kwargs, lookup)

    def fire(self, decision: Decision) -> Fire:
        """What `emit` is asked for."""
        schedule, nominal_ms = self.schedule, decision.nominal_ms
        record, unique = b"", ""
        if nominal_ms is not None:
            id_ = fire_id(schedule.id, nominal_ms)
            message = self.message(id_, nominal_ms, RECORDED | LIVE)
            record, unique = pack(message), message.header.unique
        skipped, skips = b"", ""
        if decision.skipped:
            skipped = b"\n".join(self._skipped_lines(decision))
            skips = ",".join(f"{stretch.reason.value}={stretch.count}" for stretch in decision.skipped)
        return Fire(
            schedule=schedule.id,
            cursor_ms=decision.cursor_ms,
            to_ms=decision.moved_ms if nominal_ms is None else nominal_ms,
            next_ms=decision.next_ms,
            overlap=schedule.overlap,
            limit=schedule.limit,
            pause_after=schedule.pause_after,
            record=record,
            task=schedule.task,
            skipped=skipped,
            skips=skips,
            unique=unique,
        )

    def _skipped_lines(self, decision: Decision) -> list[bytes]:
        return [
            event_line(
                Event.SKIPPED,
                stretch_id(self.schedule.id, stretch.first_ms, stretch.last_ms),
                schedule=self.schedule.id,
                task=self.schedule.task,
                nominal_ms=stretch.last_ms,
                reason=stretch.reason.value,
                count=stretch.count,
                first_ms=stretch.first_ms,
            )
            for stretch in decision.skipped
        ]


def _retries(rule: RetryRule) -> RetryPolicy:
    return RetryPolicy(rule.max, rule.backoff, rule.delay_ms, rule.max_delay_ms)


def _singleton(rule: SingletonRule) -> SingletonHead:
    return SingletonHead(rule.key, rule.on_conflict, rule.lease_ms, rule.wait_ms, rule.keep)
