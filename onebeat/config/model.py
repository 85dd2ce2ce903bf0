"""What may a configuration file say? Pure.

The language of `docs/reference/configuration.md`, with the keys of later versions already in it: they
refuse (`Later`) rather than being ignored. An attribute that holds a number carries its unit, its alias
is the key that people write.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from onebeat.config import fields as f
from onebeat.keys import PRIORITIES, SCHEDULE_ID
from onebeat.scheduler.calendar import MOST
from onebeat.scheduler.cron_zone import FOLDS, GAPS
from onebeat.scheduler.schedule import CatchUp, RetryRule, SingletonRule

TRIGGERS = ("cron", "every", "at", "manual", "calendar", "any")
_CATCH_UP, _RETRY, _SINGLETON = CatchUp(), RetryRule(), SingletonRule()  # the defaults, said once


def _complete(schema: JsonDict) -> None:
    """A schedule has a task and one trigger, of its own or from a profile."""
    schema.pop("required", None)
    one: JsonDict = {"required": ["task"], "oneOf": [{"required": [key]} for key in TRIGGERS]}
    schema["anyOf"] = [one, {"required": ["extends"]}]


class Section(BaseModel):
    """A mapping with known keys; `model_fields_set` tells which of them were written."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CatchUpSection(Section):
    """Which of the times missed while no beat ran are still run."""

    policy: f.CatchUpWord = Field(default=_CATCH_UP.policy.value, description="latest, all or none of them")
    window_ms: f.DurationMs = Field(
        default=_CATCH_UP.window_ms, alias="window", description="how old a missed time may be"
    )
    max: int = Field(
        default=_CATCH_UP.max, ge=1, le=10_000, description="how many are run at the most (policy: all)"
    )


class RetriesSection(Section):
    """How a failed attempt is tried again."""

    max: int = Field(default=_RETRY.max, ge=0, le=1000, description="tries after the first one")
    backoff: f.BackoffWord = Field(default=_RETRY.backoff, description="exponential or constant delays")
    delay_ms: f.DurationMs = Field(
        default=_RETRY.delay_ms, alias="delay", description="before the first retry"
    )
    max_delay_ms: f.DurationMs = Field(
        default=_RETRY.max_delay_ms, alias="max_delay", description="no delay is longer"
    )


class SingletonSection(Section):
    """The lock that a run holds, so that no two run at a time."""

    key: f.LockKey | None = Field(
        default=None, description="may name arguments: report:{currency}; default: the task"
    )
    scope: f.ScopeWord = Field(
        default=_SINGLETON.scope,
        description="run: no two run at a time; queued: one is queued until it is over",
    )
    on_conflict: f.OnConflictWord = Field(default=_SINGLETON.on_conflict, description="when the lock is held")
    keep: f.KeepWord = Field(
        default=_SINGLETON.keep, description="of the runs that are parked: all, or the last one"
    )
    lease_ms: f.SomeDurationMs = Field(
        default=_SINGLETON.lease_ms,
        alias="lease",
        description="how soon the lock of a dead holder is free; renewed",
    )
    wait_ms: f.DurationMs = Field(
        default=_SINGLETON.wait_ms, alias="wait", description="how long to wait for it"
    )


class DstSection(Section):
    """What a fixed wall time does when the clocks jump over it or show it twice."""

    gap: f.GapWord = Field(default=GAPS[0], description="run right after the gap, or skip that time")
    fold: f.FoldWord = Field(default=FOLDS[0], description="run the first time, the second, or both")


class CalendarSection(Section):
    """Every n days, weeks, months or years at times of day; one of the four."""

    days: int | None = Field(default=None, ge=1, le=MOST["days"], description="every so many days")
    weeks: int | None = Field(default=None, ge=1, le=MOST["weeks"], description="every so many weeks")
    months: int | None = Field(default=None, ge=1, le=MOST["months"], description="every so many months")
    years: int | None = Field(default=None, ge=1, le=MOST["years"], description="every so many years")
    day: f.CalendarDays | None = Field(
        default=None, description="mon … sun with weeks; 1 to 31 or last with months and years; or several"
    )
    month: int | str | None = Field(default=None, description="1 to 12 or jan … dec, with years")
    at: f.TimesOfDay | None = Field(
        default=None, description='times of day: "18:00", or several; default: 00:00'
    )
    anchor: str = Field(default="1970-01-01", description="a date in the first of the periods")


class RuleSection(Section):
    """One of the rules of `any`."""

    cron: f.CronText | None = Field(default=None, description="as in a schedule")
    every_ms: f.SomeDurationMs | None = Field(default=None, alias="every", description="as in a schedule")
    offset_ms: f.DurationMs | None = Field(
        default=None, alias="offset", description="shifts the grid of every"
    )
    calendar: CalendarSection | None = Field(default=None, description="as in a schedule")
    at: f.AtText | None = Field(default=None, description="as in a schedule")


class Defaults(Section):
    """What every schedule says unless it says otherwise, those of included files too; mappings merge."""

    queue: f.QueueName = Field(default="default", description="where the messages go")
    priority: int = Field(default=0, ge=0, lt=PRIORITIES, description="0 is served first")
    overlap: f.OverlapWord = Field(default="skip", description="when the previous run is not over")
    catch_up: CatchUpSection = Field(default=CatchUpSection(), description="times missed while no beat ran")
    expires_ms: f.SomeDurationMs | None = Field(
        default=None, alias="expires", description="do not start later than this after the nominal time"
    )
    timeout_ms: f.SomeDurationMs | None = Field(
        default=None, alias="timeout", description="how long a run may last"
    )
    hard_timeout_ms: f.SomeDurationMs | None = Field(
        default=None, alias="hard_timeout", description="a run that lasts longer is killed with its process"
    )
    pause_after: int | None = Field(
        default=None, ge=1, le=1000, description="failures in a row that pause the schedule"
    )
    retries: RetriesSection | None = Field(default=None, description="how a failed attempt is tried again")
    singleton: SingletonSection | None = Field(default=None, description="no two runs at a time")
    owner: str = Field(default="", max_length=200, description="who is asked about it")
    tags: list[str] = Field(default=[], max_length=50, description="words to select schedules by")
    dst: DstSection = Field(default=DstSection(), description="at daylight-saving changes")
    timezone: f.ZoneName = Field(default="UTC", description="IANA name; default: that of the file")
    enabled: bool = Field(default=True, description="false: known, never fired")
    jitter_ms: f.DurationMs | None = Field(
        default=None, alias="jitter", description="each fire up to so much later, always by the same"
    )


class Profile(Defaults):
    """What every schedule says that `extends` it, unless it says otherwise; any key of a schedule."""

    task: f.TaskName | None = Field(
        default=None, description="module:function, or the name a task is registered by"
    )
    cron: f.CronText | None = Field(default=None, description='5 fields: "30 2 * * mon-fri"; @daily; H')
    every_ms: f.SomeDurationMs | None = Field(
        default=None, alias="every", description="a fixed period, on a grid in UTC"
    )
    offset_ms: f.DurationMs | None = Field(
        default=None, alias="offset", description="shifts the grid of every"
    )
    at: f.AtText | None = Field(default=None, description="once, at this wall time: 2026-12-31T23:00")
    manual: f.OnlyTrue | None = Field(default=None, description="only when somebody triggers it")
    args: list[Any] = Field(default=[], description="positional arguments of the task")
    kwargs: dict[str, Any] = Field(default={}, description="keyword arguments of the task")
    extends: f.Names | None = Field(default=None, description="profiles, the last one on top")
    calendar: CalendarSection | None = Field(default=None, description="every n days, weeks, months or years")
    any: list[RuleSection] | None = Field(
        default=None, min_length=1, max_length=50, description="several rules; once where they meet"
    )
    start: f.BoundText | None = Field(
        default=None, description="no fire before this wall time, or this date: 2026-01-01T00:00"
    )
    end: f.BoundText | None = Field(default=None, description="no fire after it; a date is included")
    limit: int | None = Field(
        default=None, ge=1, le=1_000_000_000, description="how many fires there are in all"
    )
    except_: list[f.DayOff] | None = Field(
        default=None,
        alias="except",
        max_length=1000,
        description="no fire on these days: 2026-12-24, 2026-12-24/2027-01-02, {holidays: KR}",
    )


class Entry(Profile):
    """One schedule: a task and exactly one trigger."""

    model_config = ConfigDict(json_schema_extra=_complete)

    task: f.TaskName = Field(description="module:function, or the name a task is registered by")
    formerly: f.ScheduleId | None = Field(
        default=None, description="the id that it had: it goes on where that one was"
    )
    matrix: dict[str, list[str | int | float | bool] | dict[str, Any]] | None = Field(
        default=None, description="names with lists of values: a schedule for each combination"
    )


class File(Section):
    """One configuration file."""

    version: f.Version = Field(default=1, description="of this language")
    timezone: f.ZoneName = Field(default="UTC", description="of the schedules that name none")
    imports: list[f.ModuleName] = Field(default=[], description="modules that register tasks")
    redis: f.StoreUrl | None = Field(
        default=None, description="URL of the store; --redis and ONEBEAT_REDIS_URL come first"
    )
    database: f.DatabaseUrl | None = Field(default=None, description="URL of the database with the ledger")
    namespace: f.Namespace | None = Field(default=None, description="separates clusters that share a store")
    include: list[str] = Field(
        default=[], max_length=100, description="patterns of further files, relative to this one"
    )
    defaults: Defaults = Field(default=Defaults(), description="for every schedule of this file")
    profiles: dict[f.ProfileName, Profile] = Field(default={}, description="name → what schedules extend")
    schedules: dict[str, Entry] = Field(
        default={},
        description="id → schedule",
        json_schema_extra={"propertyNames": {"pattern": f"^{SCHEDULE_ID.pattern}$"}},
    )
