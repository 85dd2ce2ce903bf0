"""Are public holidays left out, and is an unknown calendar or an absent package told clearly?"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest

from onebeat.errors import ConfigError
from onebeat.scheduler import CronTrigger, ExceptTrigger, days_off, recent, upcoming

CHRISTMAS = datetime(2026, 12, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left_out", "expected"),
    [
        ([{"holidays": "KR"}], [23, 24, 26, 27, 28]),
        ([{"holidays": "GB", "subdivision": "ENG"}], [23, 24, 27, 29, 30]),
        ([{"holidays": "NYSE"}], [23, 24, 26, 27, 28]),
        ([{"holidays": "DE"}], [23, 24, 27, 28, 29]),
        ([{"holidays": "DE"}, "2026-12-27/2026-12-30"], [23, 24, 31, 2, 3]),
    ],
    ids=str,
)
def test_holidays_are_left_out(left_out: list[object], expected: list[int]) -> None:
    trigger = ExceptTrigger(CronTrigger("0 9 * * *", "Asia/Seoul"), left_out, "Asia/Seoul")
    fires = upcoming(trigger, CHRISTMAS, 5)
    assert [fire.day for fire in fires] == expected
    assert recent(trigger, fires[-1], 4) == fires[-2::-1]
    assert trigger.excludes(datetime(2026, 12, 25, 9, tzinfo=UTC))


def test_a_rule_that_only_fires_on_holidays_ends() -> None:
    trigger = ExceptTrigger(CronTrigger("0 0 25 12 *"), [{"holidays": "DE"}])
    found = trigger.next(CHRISTMAS)
    assert found is None or found.year > 2090  # the package knows a century


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"holidays": "XX"}, "no holidays of 'XX' are known"),
        ({"holidays": "kr"}, "did you mean KR"),
        ({"holidays": ""}, "write the code of a country"),
        ({"holidays": "../../etc"}, "write the code of a country"),
        ({"holidays": "US", "subdivision": "ZZ"}, "US has no subdivision 'ZZ': write one of AK"),
        ({"holidays": "NYSE", "subdivision": "CA"}, "remove subdivision"),
    ],
    ids=str,
)
def test_an_unknown_calendar_is_refused(words: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ExceptTrigger(CronTrigger("0 9 * * *"), [words])


def test_without_the_package_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(ConfigError, match=r"pip install 'onebeat\[holidays\]'"):
        days_off.days_off([{"holidays": "KR"}])
    ExceptTrigger(CronTrigger("0 9 * * *"), ["2026-12-24"])
