"""Does `next` say when schedules and expressions fire?"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from tests.cli.commands import onebeat


def local(*words: str) -> list[str]:
    answer = onebeat("next", *words, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["schema"] == "onebeat.next/1"
    for one in answer.json["items"]:
        assert datetime.fromisoformat(one["at"]) == datetime.fromisoformat(one["local"])
        assert one["at"].endswith("Z")
    return [one["local"] for one in answer.json["items"]]


def test_an_expression_across_the_change_of_the_clocks() -> None:
    asked = ("--cron", "30 2 * * *", "--tz", "Europe/Berlin", "--from", "2026-03-28", "-n", "3")
    expected = ["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    assert local(*asked) == expected


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2026-03-28T01:30", "2026-03-28T02:30:00+01:00"),
        ("2026-03-28T02:30", "2026-03-29T03:00:00+02:00"),
        ("2026-03-28T02:30:00+09:00", "2026-03-28T02:30:00+01:00"),
    ],
)
def test_a_start(start: str, first: str) -> None:
    assert local("--cron", "30 2 * * *", "--tz", "Europe/Berlin", "--from", start, "-n", "1") == [first]


def test_one_schedule_is_on_the_clocks_of_its_zone(folder: Path) -> None:
    assert local("nightly", "--from", "2026-07-01", "-n", "2") == [
        "2026-07-01T02:30:00+02:00",
        "2026-07-02T02:30:00+02:00",
    ]
    assert local("often", "--from", "2026-07-01T00:00", "-n", "1") == ["2026-07-01T00:05:00+02:00"]
    plain = onebeat("next", "nightly", "--from", "2026-07-01", "-n", "1").out.splitlines()[1]
    assert plain.split() == ["2026-07-01", "02:30:00", "CEST", "in", "2h30m", "nightly"]


def test_all_enabled_schedules_in_order(folder: Path) -> None:
    told = onebeat("next", "--from", "2026-07-01T00:27", "-n", "3", "--json").json["items"]
    assert [(one["schedule"], one["at"]) for one in told] == [
        ("nightly", "2026-07-01T00:30:00.000Z"),
        ("often", "2026-07-01T00:30:00.000Z"),
        ("often", "2026-07-01T00:35:00.000Z"),
    ]
    first = onebeat("next", "--from", "2026-07-01T00:27", "-n", "1").out.splitlines()[1]
    assert first.startswith("2026-07-01 00:30:00 UTC"), "times side by side are on one clock"


def test_what_never_fires_says_so(folder: Path) -> None:
    answer = onebeat("next", "broken")
    assert (answer.code, answer.out) == (0, "")
    assert "never fires by itself" in answer.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--cron", "61 * * * *"), "OB110"),
        (("--cron", "* * * * *", "--tz", "Mars/Base"), "OB112"),
        (("--cron", "* * * * *", "--from", "tomorrow"), "it takes a date or time such as 2026-03-28"),
        (("nightly", "--cron", "* * * * *"), "not both"),
        ((), "no configuration"),
    ],
)
def test_what_cannot_be_meant(words: tuple[str, ...], said: str, folder: Path) -> None:
    if not words:
        (folder / "onebeat.yaml").unlink()
    answer = onebeat("next", *words)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_an_expression_and_a_schedule_are_put_into_words(folder: Path) -> None:
    told = onebeat("next", "--cron", "30 2 * * *", "--tz", "Europe/Berlin", "-n", "1").out
    assert "At 02:30, on the clocks of Europe/Berlin. A time that the clocks jump over runs right" in told
    assert "Every 5m." in onebeat("next", "often", "-n", "1").out


def test_h_needs_to_know_for_which_schedule_it_draws() -> None:
    assert "give key=" in onebeat("next", "--cron", "H 2 * * *").err
    first = local("--cron", "H 2 * * *", "--key", "nightly", "--from", "2026-07-01", "-n", "1")
    assert first == local("--cron", "H 2 * * *", "--key", "nightly", "--from", "2026-07-01", "-n", "1")
