"""Is what is rarely meant told, and only that?"""

from __future__ import annotations

import pytest

from onebeat.config import Code
from onebeat.config.cautions import HERD, herds
from tests.config.reading import good

ROWS = [
    # body of the schedule, the warnings' codes, columns (from the schedule's own text)
    ("cron: ¦30 2 * * *, timezone: Europe/Berlin", [Code.GAP, Code.FOLD]),
    ("cron: ¦30 2 * * *, timezone: Europe/Berlin, dst: {gap: skip, fold: both}", []),
    ("cron: ¦30 2 * * *, timezone: Europe/Berlin, dst: {gap: run-after}", [Code.FOLD]),
    ("cron: ¦30 1 * * *, timezone: America/New_York", [Code.FOLD]),
    ("cron: 30 2 * * *, timezone: Asia/Seoul", []),
    ("cron: 30 2 * * mon-fri, timezone: America/New_York", []),
    ("cron: 30 3 * * *, timezone: Europe/Berlin", []),
    ("cron: 0 3 * * *, timezone: Europe/Berlin", []),
    ("cron: ¦0 2 * * *, timezone: Europe/Berlin", [Code.GAP, Code.FOLD]),
    ("cron: '*/30 * * * *', timezone: Europe/Berlin", []),
    ("cron: 30 2 * * *, timezone: Europe/Berlin, enabled: false", []),
    ("calendar: ¦{days: 1, at: ['02:30']}, timezone: Europe/Berlin", [Code.GAP, Code.FOLD]),
    ("every: 5m, timeout: 5m", []),
    ("every: 5m, timeout: ¦6m", [Code.LONG_TIMEOUT]),
    ("cron: '*/5 * * * *', timeout: ¦6m", [Code.LONG_TIMEOUT]),
    ("cron: '0 2 * * *', timeout: 6h", []),
    ("manual: true, timeout: 6h", []),
    ("at: 2026-12-31T23:00, timeout: 6h", []),
    ("cron: ¦0 2 1 * mon", [Code.EITHER_DAY]),
    ("cron: ¦0 0 2 1 * mon", [Code.EITHER_DAY]),
    ("cron: '0 2 * * mon'", []),
    ("cron: '0 2 1 * *'", []),
    ("cron: '0 2 1 * ?'", []),
    ("cron: '0 2 */2 * mon'", []),
    ("cron: '@monthly'", []),
    ("at: ¦2026-11-01T01:30, timezone: America/New_York", [Code.TWICE]),
    ("at: 2026-11-01T01:30-05:00, timezone: America/New_York", []),
    ("at: 2026-11-01T03:30, timezone: America/New_York", []),
    ("every: 5m, kwargs: {db_password: ¦hunter2}", [Code.SECRET]),
    ("every: 5m, kwargs: {auth: {api_key: ¦[abc, def]}}", [Code.SECRET, Code.SECRET]),
    ("every: 5m, kwargs: {url: ¦'https://me:hunter2@host/'}", [Code.SECRET]),
    ("every: 5m, kwargs: {password: null, tokens: 5, url: 'https://host/', currency: KRW}", []),
]


@pytest.mark.parametrize(("body", "codes"), ROWS)
def test_one_schedule(body: str, codes: list[Code]) -> None:
    text = f"schedules: {{a: {{task: t:f, {body}}}}}"
    place = text.index("¦") + 1 if "¦" in text else 0
    warnings = good(text.replace("¦", "")).warnings
    assert [one.code for one in warnings] == codes
    assert all(one.code.severity == "warning" and one.hint for one in warnings)
    if codes:
        assert warnings[0].column in (place, place + 1)  # a list's first value stands behind its bracket


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("redis: redis://:hunter2@host/0", [Code.SECRET]),
        ("redis: redis://host/0", []),
        ("database: postgresql://u:hunter2@host/x", [Code.SECRET]),
        ("database: sqlite:///x.db", []),
    ],
)
def test_urls(text: str, codes: list[Code]) -> None:
    warnings = good(text).warnings
    assert [one.code for one in warnings] == codes
    assert all("ONEBEAT_" in one.hint for one in warnings)


@pytest.mark.parametrize(
    ("count", "body", "told"),
    [
        (HERD - 1, "cron: 0 0 * * *", False),
        (HERD, "cron: 0 0 * * *", True),
        (HERD, "cron: H 0 * * *", False),
        (HERD, "cron: 0 0 * * *, enabled: false", False),
        (HERD, "every: 1d", False),
    ],
)
def test_herds(count: int, body: str, told: bool) -> None:
    lines = [f"  s{number}: {{task: t:f, {body}}}\n" for number in range(count)]
    warnings = list(herds(good("schedules:\n" + "".join(lines)).schedules))
    assert [(one.code, one.line) for one in warnings] == ([(Code.SAME_MINUTE, 2)] if told else [])


@pytest.mark.parametrize("body", ["every: 5m, end: 2020-01-01T00:00", "at: 2020-01-01T00:00"])
def test_what_never_fires(body: str) -> None:
    (warning,) = good(f"schedules:\n  a: {{task: t:f, {body}}}").warnings
    assert (warning.code, warning.line, warning.column) == (Code.NEVER, 2, 3)
    assert warning.message == "it never fires after 2026-01-01"


def test_an_inherited_time_that_comes_twice() -> None:
    text = "profiles: {p: {at: 2026-11-01T01:30}}\nschedules:\n"
    text += "  a: {task: t:f, extends: p, timezone: America/New_York}"
    assert [one.code for one in good(text).warnings] == [Code.TWICE]
