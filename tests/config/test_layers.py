"""Do includes, profiles, matrices, variables and blanks become the values that they say?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from onebeat.config import Code, load
from onebeat.config.reading import Reading, read
from onebeat.queue import payload
from onebeat.scheduler import CronTrigger, EveryTrigger, Schedule
from onebeat.scheduler.fires import Mould
from onebeat.scheduler.instants import floor_ms
from tests.config.reading import good

ENVIRON = {"ZONE": "Asia/Seoul", "N": "3", "FLAG": "true", "EMPTY": "", "LIST": "[1, 2]", "KEY": "a: b"}


def reading(text: str) -> Reading:
    found = read(text.encode(), "onebeat.yaml", environ=ENVIRON)
    assert found.mistakes == []
    return found


def one(text: str) -> Schedule:
    ((_, found),) = reading(text).schedules
    return found


# -- profiles and defaults -------------------------------------------------------------------------

PROFILES = """\
timezone: Asia/Seoul
defaults: {queue: q, timeout: 1m, retries: {max: 1, delay: 1s}, enabled: true}
profiles:
  heavy: {queue: slow, timeout: 2h, retries: {max: 5}, kwargs: {size: 9, unit: kg}}
  nightly: {cron: 0 2 * * *, task: "t:night", tags: [night]}
  both: {extends: [heavy, nightly], kwargs: {size: 1}, timezone: Europe/Berlin}
"""


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        ("extends: heavy, task: t:f, every: 5m", "queue", "slow"),
        ("extends: heavy, task: t:f, every: 5m, queue: mine", "queue", "mine"),
        ("extends: heavy, task: t:f, every: 5m", "timeout_ms", 7_200_000),
        ("extends: heavy, task: t:f, every: 5m, timeout: null", "timeout_ms", None),
        ("extends: heavy, task: t:f, every: 5m, kwargs: {size: 2}", "kwargs", {"size": 2, "unit": "kg"}),
        ("extends: nightly", "task", "t:night"),
        ("extends: nightly", "trigger", CronTrigger("0 2 * * *", "Asia/Seoul")),
        ("extends: nightly, every: 5m, offset: 1s", "trigger", EveryTrigger(300, 1)),
        ("extends: nightly, timezone: UTC", "trigger", CronTrigger("0 2 * * *", "UTC")),
        ("extends: both", "trigger", CronTrigger("0 2 * * *", "Europe/Berlin")),
        ("extends: both", "kwargs", {"size": 1, "unit": "kg"}),
        ("extends: both", "queue", "slow"),
        ("extends: [nightly, heavy]", "tags", ("night",)),
        ("extends: []\n    , task: t:f, every: 5m", "queue", "q"),
    ],
)
def test_the_upper_layer_wins_and_mappings_merge(body: str, name: str, value: object) -> None:
    assert getattr(one(f"{PROFILES}schedules:\n  a: {{{body}}}\n"), name) == value


def test_sections_merge_through_all_layers() -> None:
    found = one(f"{PROFILES}schedules:\n  a: {{extends: both, retries: {{max_delay: 2m}}}}\n")
    assert found.retries is not None
    assert (found.retries.max, found.retries.delay_ms, found.retries.max_delay_ms) == (5, 1000, 120_000)


def test_an_inherited_trigger_does_not_outlive_a_written_one() -> None:
    text = (
        "profiles: {p: {every: 5m, offset: 1s}}\nschedules:\n  a: {extends: p, task: t:f, cron: 0 2 * * *}\n"
    )
    assert one(text).trigger == CronTrigger("0 2 * * *")
    text = "profiles: {p: {every: 5m}}\nschedules:\n  a: {extends: p, task: t:f, offset: 1s}\n"
    assert one(text).trigger == EveryTrigger(300, 1)


# -- matrix ----------------------------------------------------------------------------------------


def test_every_combination_is_a_schedule() -> None:
    text = """\
schedules:
  t:
    matrix: {tenant: [acme, 7], region: {eu: Europe/Berlin, us: America/New_York}, on: [true]}
    task: t:{{ matrix.tenant }}
    cron: H 2 * * *
    timezone: "{{ matrix.region }}"
    owner: team {{matrix.tenant}}/{{ matrix.on }}
    kwargs: {tenant: "{{ matrix.tenant }}", on: "{{ matrix.on }}", all: ["x{{ matrix.tenant }}"]}
"""
    text = text.replace("task: t:{{ matrix.tenant }}", "task: t:f")
    found = {schedule.id: schedule for _, schedule in reading(text).schedules}
    assert list(found) == ["t.acme.eu.true", "t.acme.us.true", "t.7.eu.true", "t.7.us.true"]
    seven = found["t.7.us.true"]
    assert seven.kwargs == {"tenant": 7, "on": True, "all": ["x7"]}
    assert (seven.owner, seven.timezone) == ("team 7/true", "America/New_York")
    assert seven.trigger == CronTrigger("H 2 * * *", "America/New_York", key="t.7.us.true")
    assert found["t.acme.eu.true"].trigger != found["t.acme.us.true"].trigger


def test_values_of_any_type_and_lock_keys() -> None:
    text = """\
schedules:
  t:
    matrix: {shop: {a: {name: A, ids: [1, 2]}, b: null}}
    task: t:f
    every: 5m
    kwargs: {shop: "{{ matrix.shop }}"}
    singleton: {key: "{{shop}}-{shop}"}
"""
    found = [schedule for _, schedule in reading(text).schedules]
    assert [one.kwargs["shop"] for one in found] == [{"name": "A", "ids": [1, 2]}, None]
    assert found[0].singleton is not None
    assert found[0].singleton.key == "{{shop}}-{shop}"


def test_a_combination_may_not_take_another_id(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "schedules:\n  t.a: {task: t:f, every: 5m}\n  t: {matrix: {x: [a, b]}, task: t:f, every: 5m}\n"
    )
    (wrong,) = load([path]).mistakes
    assert (wrong.code, wrong.line) == (Code.DUPLICATE_ID, 3)
    assert wrong.message == f"the schedule t.a is already declared at {path}:2"


def test_a_mistake_of_every_combination_is_told_once() -> None:
    text = f"schedules: {{t: {{matrix: {{x: {list(range(500))}}}, task: t:f, every: 5}}}}"
    assert len(read(text.encode(), "f").mistakes) == 1


# -- variables -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${N}", 3),
        ('"${N}"', "3"),
        ("${FLAG}", True),
        ("x${N}y", "x3y"),
        ("${NO:-5}", 5),
        ("${NO:-}", None),
        ('"${NO:-}"', ""),
        ("${EMPTY:-x}", "x"),
        ('"${EMPTY}"', ""),
        ("${N:-5}", 3),
        ("${N:?needed}", 3),
        ("$$", "$"),
        ("$${N}", "${N}"),
        ("$$$${N}", "$${N}"),
        ("$N", "$N"),
        ("5 $", "5 $"),
        ("${LIST}", "[1, 2]"),
        ("${KEY}", "a: b"),
        ("|\n        ${N}\n        ${FLAG}", "3\ntrue\n"),
    ],
)
def test_variables(written: str, value: object) -> None:
    found = one(f"schedules:\n  a:\n    task: t:f\n    every: 5m\n    kwargs:\n      v: {written}\n")
    assert found.kwargs == {"v": value}
    assert type(found.kwargs["v"]) is type(value)


def test_an_alias_is_filled_in_once() -> None:
    found = one("schedules: {a: {task: t:f, every: 5m, args: [&x '$${N}', *x]}}")
    assert found.args == ("${N}", "${N}")


def test_keys_stay_as_they_are() -> None:
    assert one('schedules: {a: {task: t:f, every: 5m, kwargs: {"${N}": 1}}}').kwargs == {"${N}": 1}


def test_what_comes_from_the_environment_is_not_warned_of_as_a_literal() -> None:
    text = "redis: 'redis://:${N}@h/0'\nschedules: {a: {task: t:f, every: 5m, kwargs: {password: '${N}'}}}"
    assert reading(text).warnings == []


@pytest.mark.parametrize("bad", ["\x00", "\x1b[2J", "\u202e", "\udce4", "9" * 30, ".inf"])
def test_an_odd_variable_is_refused_and_not_shown(bad: str) -> None:
    text = "schedules: {a: {task: t:f, every: 5m, args: [x]}}\ntimezone: ${V}\n"
    (wrong,) = read(text.encode(), "f", environ={"V": bad}).mistakes
    assert wrong.message.startswith("what '${V}' stands for is wrong: ")
    assert bad not in wrong.message


def test_variables_cannot_fill_the_memory() -> None:
    text = "schedules: {a: {task: t:f, every: 5m, args: [" + "'${V}'," * 50 + "]}}"
    wrong = read(text.encode(), "f", environ={"V": "x" * 100_000}).mistakes
    assert {one.code for one in wrong} == {Code.TOO_BIG}


def test_arguments_that_no_message_carries() -> None:
    text = "schedules: {a: {task: t:f, every: 5m, args: [&x '" + "x" * 100_000 + "'" + ", *x" * 20 + "]}}"
    (wrong,) = read(text.encode(), "f").mistakes
    assert wrong.message == "the arguments are too large for a message"


# -- run-time values -------------------------------------------------------------------------------

NOMINAL = datetime(2026, 3, 1, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("{{ nominal }}", NOMINAL),
        ("{{previous}}", datetime(2026, 2, 28, 17, tzinfo=UTC)),
        ("{{ run_id }}", "a@1"),
        ("day {{ nominal }} of {{ run_id }}", "day 2026-03-02T02:00:00+09:00 of a@1"),
        ('{{ "{{" }} nominal }}', "{{ nominal }}"),
        ("plain", "plain"),
    ],
)
def test_blanks_are_filled_in_when_the_message_is_made(written: str, value: object) -> None:
    text = "timezone: Asia/Seoul\nschedules:\n  a:\n    {task: t:f, cron: 0 2 * * *, "
    found = good(f"{text}args: ['{written}'], kwargs: {{k: [{{d: '{written}'}}]}}}}\n").schedules[0][1]
    message = Mould(found).message("a@1", floor_ms(NOMINAL), 0)
    assert payload.decode(message.body) == ([value], {"k": [{"d": value}]})


def test_the_first_time_has_no_previous_one() -> None:
    found = one(
        'schedules: {a: {task: t:f, at: 2026-03-01T17:00, args: ["{{ previous }}", "<{{ previous }}>"]}}'
    )
    assert payload.decode(Mould(found).message("a@1", floor_ms(NOMINAL), 0).body) == ([None, "<>"], {})
