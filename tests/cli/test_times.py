"""How do instants and spans look?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from onebeat.cli.times import local_text, span_text, until_text, utc_text

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("ms", "utc", "local"),
    [
        (None, None, "-"),
        (0, "1970-01-01T00:00:00.000Z", "1970-01-01 01:00:00 CET"),
        (1_774_746_000_000, "2026-03-29T01:00:00.000Z", "2026-03-29 03:00:00 CEST"),
        (1_774_746_000_007, "2026-03-29T01:00:00.007Z", "2026-03-29 03:00:00.007 CEST"),
    ],
)
def test_instants(ms: int | None, utc: str | None, local: str) -> None:
    assert utc_text(ms) == utc
    assert local_text(ms, BERLIN) == local


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "-"),
        (0, "0ms"),
        (12, "12ms"),
        (3_450, "3.4s"),
        (59_999, "59.9s"),
        (312_345, "5m12s"),
        (27_012_345, "7h30m"),
        (275_000_000, "3d4h"),
        (-1_500, "-1.5s"),
    ],
)
def test_spans(ms: int | None, text: str) -> None:
    assert span_text(ms) == text


def test_ahead_and_behind() -> None:
    assert (until_text(90_000), until_text(-90_000)) == ("in 1m30s", "1m30s ago")
