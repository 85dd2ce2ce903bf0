"""Do several files make one configuration, and does its fingerprint tell what changed?"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onebeat.config import Code, ConfigMistakes, fingerprint_of, load, load_or_raise
from onebeat.scheduler import ManualTrigger, Schedule
from tests.config.reading import schedule

ONE = """\
timezone: Asia/Seoul
imports: [a, b]
defaults: {queue: slow}
schedules: {a: {task: t:f, cron: 0 2 * * *}}
"""
TWO = "imports: [b, c]\nschedules: {b: {task: t:f, cron: 0 2 * * *}}\n"


def write(folder: Path, **texts: str) -> list[Path]:
    paths = []
    for name, text in texts.items():
        paths.append(folder / f"{name}.yaml")
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def test_files_add_up_and_keep_their_own_defaults(tmp_path: Path) -> None:
    loaded = load_or_raise(write(tmp_path, one=ONE, two=TWO))
    assert [(one.id, one.queue, one.timezone) for one in loaded.schedules] == [
        ("a", "slow", "Asia/Seoul"),
        ("b", "default", "UTC"),
    ]
    assert loaded.imports == ("a", "b", "c")
    assert loaded.settings.timezone == "Asia/Seoul"


def test_the_same_file_twice_is_one_file(tmp_path: Path) -> None:
    (path,) = write(tmp_path, one=ONE)
    assert len(load_or_raise([path, str(path)]).schedules) == 1


def test_the_same_id_in_two_files(tmp_path: Path) -> None:
    one, two = write(tmp_path, one=ONE, two=ONE)
    (wrong,) = load([one, two]).mistakes
    assert (wrong.code, wrong.file, wrong.line, wrong.column) == (Code.DUPLICATE_ID, str(two), 4, 13)
    assert f"{one}:4" in wrong.message


def test_a_wrong_schedule_still_takes_its_id(tmp_path: Path) -> None:
    found = load(write(tmp_path, one="schedules: {a: {}}\n", two=ONE)).mistakes
    assert {wrong.code for wrong in found} == {Code.MISSING_KEY, Code.TRIGGER, Code.DUPLICATE_ID}


@pytest.mark.parametrize("setting", ["redis: redis://{}", "database: sqlite:///{}", "namespace: n{}"])
def test_settings_must_agree(tmp_path: Path, setting: str) -> None:
    one, two, three = write(tmp_path, a=setting.format(1), b=setting.format(1), c="# x\n" + setting.format(2))
    assert load([one, two]).mistakes == ()
    (wrong,) = load([one, two, three]).mistakes
    assert (wrong.code, wrong.file, wrong.line) == (Code.DUPLICATE_ID, str(three), 2)


def test_every_file_is_reported(tmp_path: Path) -> None:
    paths = write(tmp_path, a="version: 2\n", b="%", c="timezone: Mars\nversion: 3\n")
    paths.append(tmp_path / "absent.yaml")
    with pytest.raises(ConfigMistakes) as caught:
        load_or_raise(paths)
    found = [(Path(one.file).stem, one.code) for one in caught.value.mistakes]
    assert found == [
        ("a", Code.VALUE),
        ("b", Code.SYNTAX),
        ("c", Code.ZONE),
        ("c", Code.VALUE),
        ("absent", Code.UNREADABLE),
    ]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "is a directory"),
        (lambda path: path.symlink_to(path), "symbolic links"),
    ],
)
def test_unreadable_files(tmp_path: Path, make, words: str) -> None:
    path = tmp_path / "x.yaml"
    make(path)
    (wrong,) = load([path]).mistakes
    assert wrong.code == Code.UNREADABLE
    assert words in wrong.message


def test_an_endless_file_is_read_to_its_limit_only() -> None:
    (wrong,) = load(["/dev/zero"]).mistakes
    assert wrong.code == Code.TOO_BIG


def test_no_files_declare_nothing() -> None:
    assert load([]).schedules == []
    assert load([]).mistakes == ()


def test_an_alias_does_not_repeat_its_mistake(tmp_path: Path) -> None:
    (path,) = write(tmp_path, a="schedules:\n  a: &a {task: t:f, every: 1h, retries: {max: -1}}\n  b: *a\n")
    assert len({(one.line, one.column, one.message) for one in load([path]).mistakes}) == 1


# -- fingerprints ----------------------------------------------------------------------------------

BASE = "cron: 0 2 * * *"


@pytest.mark.parametrize(
    "body",
    [
        "cron: 0  2 * * *",
        "cron: '0 2 * * *', owner: me, tags: [x]",
        "cron: 0 2 * * *, enabled: true, priority: 0, overlap: skip, timezone: UTC",
        "args: [], kwargs: {}, cron: 0 2 * * *",
        "cron: 0 2 * * *, catch_up: {policy: latest, window: 60m, max: 100}",
        "cron: 0 2 * * *, dst: {gap: run-after}",
    ],
)
def test_what_is_for_people_does_not_change_the_fingerprint(body: str) -> None:
    assert schedule(body).fingerprint == schedule(BASE).fingerprint


CHANGES = [
    "cron: 0 3 * * *",
    "every: 1d",
    "every: 1d, offset: 1s",
    "at: 2026-01-01T00:00",
    "manual: true",
    *(
        f"{BASE}, {more}"
        for more in (
            "timezone: Asia/Seoul",
            "queue: slow",
            "args: [1]",
            "args: [1.0]",
            "args: [true]",
            "args: ['1']",
            "kwargs: {a: 1}",
            "priority: 1",
            "overlap: allow",
            "catch_up: {policy: all}",
            "catch_up: {window: 2h}",
            "expires: 1h",
            "timeout: 1h",
            "retries: {}",
            "retries: {max: 1}",
            "singleton: {}",
            "singleton: {lease: 5s}",
            "singleton: {scope: queued}",
            "enabled: false",
        )
    ),
]


def test_what_changes_the_fires_changes_the_fingerprint() -> None:
    prints = [schedule(body).fingerprint for body in [BASE, *CHANGES]]
    assert len(set(prints)) == len(prints)
    assert all(len(one) == 32 for one in prints)


def test_the_whole_fingerprint_ignores_order_and_sees_every_schedule(tmp_path: Path) -> None:
    one, two = write(tmp_path, one=ONE, two=TWO)
    both = load([one, two]).fingerprint
    assert load([two, one]).fingerprint == both
    assert load([one]).fingerprint != both


def test_a_fingerprint_is_the_same_in_every_process(tmp_path: Path) -> None:
    (path,) = write(tmp_path, one=ONE)
    code = f"from onebeat.config import load; print(load([{str(path)!r}]).fingerprint)"
    seeds = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    found = {
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout
        for env in seeds
    }
    assert found == {load([path]).fingerprint.encode() + b"\n"}


def test_an_object_cannot_be_an_argument() -> None:
    with pytest.raises(TypeError, match="object cannot be part of a schedule"):
        fingerprint_of(Schedule(id="a", task="t", trigger=ManualTrigger(), args=(object(),)))


# -- cost ------------------------------------------------------------------------------------------


ENTRY = """\
  s{0}:
    task: shop.tasks:t{0}
    cron: '{1} {2} * * mon-fri'
    timezone: Europe/Berlin
    timeout: 10m
    retries: {{max: 3, delay: 10s}}
    singleton: {{key: 'k:{{a}}'}}
    kwargs: {{a: {0}}}
"""


def test_a_thousand_schedules_load_at_once(tmp_path: Path) -> None:
    lines = [ENTRY.format(number, number % 60, number % 24) for number in range(1000)]
    (path,) = write(tmp_path, many="schedules:\n" + "".join(lines))
    begun_s = time.process_time()
    loaded = load_or_raise([path])
    assert len(loaded.schedules) == 1000
    assert time.process_time() - begun_s < 5  # 0.5 s is usual (processor time); only a runaway fails


def test_the_room_loads_neither_yaml_nor_pydantic_before_it_is_used() -> None:
    code = (
        "import sys, onebeat.config; print([m for m in ('yaml', 'pydantic', 'croniter') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "[]"
