"""Do workers that die and sleep lose or double nothing? The program behind the table, short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.chaos.deaths import Deaths, Recovery, Strike, play, recoveries

Event = tuple[int, dict[str, Any]]


@pytest.mark.timeout(400)
def test_a_short_storm(tmp_path: Path) -> None:
    made = play(tmp_path, seed=3, seconds=6, kills=3, stops=1)
    assert made.drained
    assert made.lost == []
    assert made.doubled == []
    assert made.calls
    assert [len(made.strikes), any(strike.holding for strike in made.strikes)] == [4, True]
    assert "effects twice" in made.table()


def claimed(at_ms: int, id_: str, wid: str) -> Event:
    return at_ms, {"event": "claimed", "id": id_, "worker": wid}


def recovered(at_ms: int, id_: str, wid: str) -> Event:
    return at_ms, {"event": "recovered", "id": id_, "worker": wid}


def killed(at_ms: int, wid: str, end_ms: int) -> Strike:
    return Strike("SIGKILL", at_ms, True, {wid: end_ms})


ONCE = [claimed(0, "m", "a"), recovered(4_910, "m", "a"), claimed(4_917, "m", "b")]


@pytest.mark.parametrize(
    ("log", "strikes", "found"),
    [
        ([], [], []),
        (ONCE, [], []),  # nobody struck it: it ended by itself
        (ONCE, [killed(1_000, "a", 4_900)], [Recovery(3_900, 10, 7)]),
        (ONCE[:2], [killed(1_000, "a", 4_900)], []),  # not yet claimed
        # struck again where it went: each counts from its own signal
        (
            [*ONCE, recovered(9_020, "m", "b"), claimed(9_050, "m", "c")],
            [killed(1_000, "a", 4_900), killed(5_100, "b", 9_000)],
            [Recovery(3_900, 10, 7), Recovery(3_900, 20, 30)],
        ),
        # struck again where it was: it had gone on after the first
        (
            [claimed(0, "m", "a"), recovered(9_910, "m", "a"), claimed(9_917, "m", "b")],
            [Strike("SIGSTOP", 1_000, True, {"a": 4_900}), killed(6_000, "a", 9_900)],
            [Recovery(3_900, 10, 7)],
        ),
        # a later signal to who holds nothing of it any more
        (ONCE, [killed(1_000, "a", 4_900), killed(4_915, "a", 4_900)], [Recovery(3_900, 10, 7)]),
        # its supervisor saw it end
        (
            [claimed(0, "m", "a"), recovered(1_050, "m", "a"), claimed(1_060, "m", "b")],
            [killed(1_000, "a", 4_900)],
            [Recovery(3_900, -3_850, 10)],
        ),
    ],
)
def test_each_recovery_counts_from_its_own_signal(
    log: list[Event], strikes: list[Strike], found: list[Recovery]
) -> None:
    assert recoveries(log, strikes) == found


def test_the_parts_of_a_recovery_are_told_apart() -> None:
    made = Deaths(recoveries=[Recovery(3_900, 10, 7), Recovery(3_800, 1_234, 456)])
    table = made.table().splitlines()
    assert [line.split()[-3:] for line in table if "→" in line] == [
        ["3800", "3900", "3900"],
        ["10", "1234", "1234"],
        ["7", "456", "456"],
    ]
    assert next(line.split()[1:] for line in table if line.startswith("recovery ")) == [
        "3917",
        "5490",
        "5490",
    ]


def test_a_dead_letter_of_too_many_deaths_is_not_lost() -> None:
    made = Deaths(calls=["a", "b", "c"], buried={"b"})
    made.effects.update(["a", "a"])
    assert (made.lost, made.doubled) == (["c"], ["a"])
