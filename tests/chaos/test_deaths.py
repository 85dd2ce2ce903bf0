"""Do workers that die and sleep lose or double nothing? The program behind the table, short."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.deaths import play


@pytest.mark.timeout(400)
def test_a_short_storm(tmp_path: Path) -> None:
    made = play(tmp_path, seed=3, seconds=6, kills=3, stops=1)
    assert made.drained
    assert made.lost == []
    assert made.doubled == []
    assert made.calls
    assert [len(made.strikes), sum(bool(strike.wids) for strike in made.strikes) > 0] == [4, True]
    assert "effects twice" in made.table()
