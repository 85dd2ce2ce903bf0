"""Does a right file become the values that it says?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from onebeat.config import load, load_or_raise, resolver
from onebeat.config.scalars import BadNumber, resolve_plain
from onebeat.scheduler import (
    AnyTrigger,
    AtTrigger,
    CronTrigger,
    EveryTrigger,
    ExceptTrigger,
    ManualTrigger,
)
from onebeat.scheduler.schedule import CatchUp, CatchUpPolicy, Overlap, RetryRule, SingletonRule
from tests.config.reading import good, schedule

CONFIG = Path(__file__).resolve().parents[2] / "config"


def test_the_annotated_example() -> None:
    loaded = load_or_raise([CONFIG / "onebeat.yaml"])
    assert loaded.warnings == ()
    assert "examples.report" in loaded.imports
    assert loaded.settings.timezone == "Asia/Seoul"
    nightly = next(one for one in loaded.schedules if one.id == "nightly-report")
    assert nightly.trigger == CronTrigger("30 2 * * mon-fri", "America/New_York")
    assert nightly.retries == RetryRule(3, "exponential", 10_000, 600_000)
    assert nightly.singleton == SingletonRule("report:{currency}", "skip", 10_000, 0)
    assert nightly.catch_up == CatchUp(CatchUpPolicy.LATEST, 3_600_000, 100)
    assert (nightly.expires_ms, nightly.timeout_ms, nightly.hard_timeout_ms) == (1_800_000, 600_000, 660_000)
    assert (nightly.owner, nightly.tags) == ("data-team", ("finance",))
    kinds = {type(one.trigger) for one in loaded.schedules}
    assert kinds == {CronTrigger, EveryTrigger, AtTrigger, ManualTrigger, AnyTrigger, ExceptTrigger}
    month_end = next(one for one in loaded.schedules if one.id == "month-end")
    assert (month_end.jitter_ms, month_end.timeout_ms) == (300_000, 1_800_000)
    assert {"hourly.eur", "hourly.usd"} <= {one.id for one in loaded.schedules}


def test_the_minimal_example() -> None:
    loaded = load_or_raise([CONFIG / "minimal.yaml"])
    (only,) = loaded.schedules
    assert (only.timezone, only.queue, only.overlap) == ("UTC", "default", Overlap.SKIP)


@pytest.mark.parametrize(
    ("body", "trigger", "text"),
    [
        ("cron: 0 2 * * *", CronTrigger("0 2 * * *"), 'cron "0 2 * * *"'),
        ("cron: '@daily'", CronTrigger("@daily"), 'cron "@daily"'),
        ("cron: H * * * *", CronTrigger("H * * * *", key="a"), 'cron "H * * * *"'),
        ("cron: 0 0 2 * * *", CronTrigger("0 0 2 * * *"), 'cron "0 0 2 * * *"'),
        ("every: 90m", EveryTrigger(5400), "every 1h30m"),
        ("every: 5m, offset: 90s", EveryTrigger(300, 90), "every 5m offset 1m30s"),
        ("every: 250ms", EveryTrigger(timedelta(milliseconds=250)), "every 250ms"),
        ("at: 2026-12-31T23:00", AtTrigger(datetime(2026, 12, 31, 23, tzinfo=UTC)), "at 2026-12-31T23:00"),
        ("manual: true", ManualTrigger(), "manual"),
        (
            "at: 2026-12-31T23:00, timezone: Asia/Seoul",
            AtTrigger(datetime(2026, 12, 31, 23, tzinfo=ZoneInfo("Asia/Seoul")), "Asia/Seoul"),
            "at 2026-12-31T23:00",
        ),
        (
            "at: 2026-12-31T23:00+09:00",
            AtTrigger(datetime(2026, 12, 31, 14, tzinfo=UTC)),
            "at 2026-12-31T23:00+09:00",
        ),
    ],
)
def test_triggers(body: str, trigger: object, text: str) -> None:
    found = schedule(body)
    assert found.trigger == trigger
    assert found.trigger_text == text


@pytest.mark.parametrize(
    ("head", "body", "zone"),
    [
        ("", "cron: 0 2 * * *", "UTC"),
        ("timezone: Asia/Seoul", "cron: 0 2 * * *", "Asia/Seoul"),
        ("timezone: Asia/Seoul", "cron: 0 2 * * *, timezone: Europe/Berlin", "Europe/Berlin"),
    ],
)
def test_the_nearest_zone_counts(head: str, body: str, zone: str) -> None:
    found = schedule(body, head)
    assert found.timezone == zone
    assert found.trigger == CronTrigger("0 2 * * *", zone)


@pytest.mark.parametrize(
    ("defaults", "body", "field", "value"),
    [
        ("{}", "", "timeout_ms", None),
        ("{timeout: 5m}", "", "timeout_ms", 300_000),
        ("{timeout: 5m}", "timeout: 1m", "timeout_ms", 60_000),
        ("{timeout: 5m}", "timeout: null", "timeout_ms", None),
        ("{expires: 5m}", "expires: ~", "expires_ms", None),
        ("{queue: slow}", "", "queue", "slow"),
        ("{queue: slow}", "queue: default", "queue", "default"),
        ("{overlap: allow}", "", "overlap", Overlap.ALLOW),
        ("{overlap: allow}", "overlap: skip", "overlap", Overlap.SKIP),
        ("{tags: [a]}", "", "tags", ("a",)),
        ("{tags: [a]}", "tags: [b]", "tags", ("b",)),
        ("{tags: [a]}", "tags: []", "tags", ()),
        ("{priority: 3}", "priority: 0", "priority", 0),
        ("{retries: {max: 3}}", "", "retries", RetryRule(max=3)),
        ("{retries: {max: 3, delay: 1s}}", "retries: {max: 5}", "retries", RetryRule(max=5, delay_ms=1000)),
        ("{retries: {max: 3}}", "retries: null", "retries", None),
        ("{}", "retries: {}", "retries", RetryRule()),
        ("{}", "singleton: {}", "singleton", SingletonRule()),
        (
            "{singleton: {lease: 5s}}",
            "singleton: {wait: 1s}",
            "singleton",
            SingletonRule(None, "skip", 5000, 1000),
        ),
        (
            "{catch_up: {window: 2h}}",
            "catch_up: {policy: all}",
            "catch_up",
            CatchUp(CatchUpPolicy.ALL, 7_200_000),
        ),
        ("{}", "catch_up: {policy: none, max: 5}", "catch_up", CatchUp(CatchUpPolicy.NONE, max=5)),
    ],
)
def test_defaults_merge_key_by_key(defaults: str, body: str, field: str, value: object) -> None:
    found = schedule(f"every: 1h, {body}".removesuffix(", "), f"defaults: {defaults}")
    assert getattr(found, field) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *((word, word) for word in ("yes", "no", "on", "off", "y", "NO", "tRUE", "nil", "none")),
        *(
            (word, word)
            for word in ("10:30", "1_000", "0b11", "0o8", "0x", "2026-12-31", "1e", "+", ".", "=")
        ),
        ("010", 10),
        ("0o10", 8),
        ("0xFf", 255),
        ("-7", -7),
        ("+7", 7),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_plain_scalars_follow_the_core_schema(text: str, value: object) -> None:
    found = resolve_plain(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text", [".nan", ".NaN", ".inf", "-.Inf", "1e999", "9" * 30, "0" * 5000, "0x" + "f" * 17]
)
def test_numbers_that_nothing_can_carry(text: str) -> None:
    with pytest.raises(BadNumber):
        resolve_plain(text)


def test_arguments_arrive_as_written() -> None:
    found = schedule(
        'every: 1h, args: [no, 10:30, 010, "5", 5, 1.5, null, true, [x], {y: z}], kwargs: {on: off}'
    )
    assert list(found.args) == ["no", "10:30", 10, "5", 5, 1.5, None, True, ["x"], {"y": "z"}]
    assert found.kwargs == {"on": "off"}


@pytest.mark.parametrize("name", ["no", "on", "off", "5m", "a.b-c_d", "0a", "y"])
def test_words_of_yaml_1_1_are_ids(name: str) -> None:
    assert good(f"schedules:\n  {name}: {{task: t:f, every: 1h}}\n").schedules[0][1].id == name


def test_a_number_as_id_needs_quotes() -> None:
    assert good('schedules: {"5": {task: t:f, every: 1h}}').schedules[0][1].id == "5"


def test_aliases_repeat_a_value() -> None:
    reading = good("schedules:\n  a: &a {task: t:f, every: 1h, retries: &r {max: 2}}\n  b: *a\n")
    first, second = (found for _, found in reading.schedules)
    assert (first.id, second.id) == ("a", "b")
    assert first.retries == second.retries == RetryRule(max=2)


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbfschedules: {a: {task: t:f, every: 1h}}\n",
        b"schedules:\r\n  a:\r\n    task: t:f\r\n    every: 1h\r\n",
        b"schedules:\r  a:\r    task: t:f\r    every: 1h\r",
        b"%YAML 1.2\n---\nschedules: {a: {task: t:f, every: 1h}}\n...\n",
        b"# first\n\nschedules: {a: {task: t:f, every: 1h}} # last",
        b"schedules: {a: {task: 't:f', every: \"1\\x68\"}}",
        b"schedules:\n  a:\n    task: >-\n      t:f\n    every: |-\n      1h\n",
    ],
)
def test_spellings_of_the_same_file(raw: bytes) -> None:
    reading = good(raw.decode("utf-8"))
    assert [(one.task, one.trigger_text) for _, one in reading.schedules] == [("t:f", "every 1h")]


def test_settings(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("redis: rediss://u:geheim@h/1\ndatabase: sqlite:///a.db\nnamespace: shop\nversion: 1\n")
    settings = load([path]).settings
    assert (settings.redis, settings.database) == ("rediss://u:geheim@h/1", "sqlite:///a.db")
    assert (settings.timezone, settings.namespace) == ("UTC", "shop")
    assert "geheim" not in repr(settings)


def test_without_libyaml_the_same_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    path = CONFIG / "onebeat.yaml"
    with_c = load([path])
    monkeypatch.setattr(resolver, "_LOADER", yaml.SafeLoader)
    assert load([path]) == with_c
