"""Is each wrong expression refused with its place and with what to write instead?"""

from __future__ import annotations

import time

import pytest

from onebeat.errors import InvalidCron
from onebeat.scheduler.cron import CronTrigger
from tests.bad_inputs.cron_rows import ROWS


@pytest.mark.parametrize(
    ("text", "field", "column", "message"), ROWS, ids=[ascii(row[0])[:30] for row in ROWS]
)
def test_a_wrong_expression_is_refused(text: str, field: str | None, column: int, message: str) -> None:
    with pytest.raises(InvalidCron) as refused:
        CronTrigger(text, key="nightly")
    assert str(refused.value).endswith(f", column {column}: {message}")
    assert (refused.value.field, refused.value.column) == (field, column)


def test_there_are_enough_rows() -> None:
    assert len({row[0] for row in ROWS}) >= 60


def test_a_huge_expression_is_refused_without_being_read() -> None:
    before_s = time.process_time()
    with pytest.raises(InvalidCron):
        CronTrigger("0," * 150_000 + " * * * *")
    assert time.process_time() - before_s < 0.5  # reading it takes seconds


def test_a_long_expression_is_not_repeated_in_full() -> None:
    with pytest.raises(InvalidCron) as refused:
        CronTrigger("1," * 5_000)
    assert len(str(refused.value)) < 200


def test_h_without_a_name_to_draw_from_is_refused() -> None:
    with pytest.raises(InvalidCron, match="there is none: give key="):
        CronTrigger("H * * * *")


def test_an_error_is_a_value_error_of_the_configuration() -> None:
    with pytest.raises(ValueError, match="column 3: 25 is out of range"):
        CronTrigger("0 25 * * *")
