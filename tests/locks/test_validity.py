"""Is a lease believed for less time than the server grants, in every case?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onebeat.errors import ConfigError
from onebeat.locks.validity import (
    believed_until_s,
    checked_lease_ms,
    checked_wait_s,
    deadline_s,
    renew_at_s,
)


@pytest.mark.parametrize(
    ("sent_s", "answered_s", "lease_s", "until_s"),
    [
        (100.0, 100.0, 10.0, 109.0),  # a tenth is never believed
        (100.0, 101.0, 10.0, 108.0),  # nor the round trip
        (100.0, 106.0, 10.0, 103.0),  # an answer this late is over when it arrives
        (0.0, 0.0, 0.1, 0.09),
    ],
)
def test_believed_until(sent_s: float, answered_s: float, lease_s: float, until_s: float) -> None:
    assert believed_until_s(sent_s, answered_s, lease_s) == pytest.approx(until_s)


@given(
    sent_s=st.floats(0, 1e6),
    there_s=st.floats(0, 5),
    back_s=st.floats(0, 5),
    lease_s=st.floats(0.1, 3600),
    drift=st.floats(0.95, 1.05),
)
def test_the_holder_stops_before_the_server_lets_another_in(
    sent_s: float, there_s: float, back_s: float, lease_s: float, drift: float
) -> None:
    """The server's clock may run 5 % fast or slow, the request may take any time each way."""
    server_until_s = sent_s + there_s + lease_s * drift
    assert believed_until_s(sent_s, sent_s + there_s + back_s, lease_s) < server_until_s


@given(lease_s=st.floats(0.1, 86400))
def test_several_renewals_with_their_deadlines_fit_into_a_lease(lease_s: float) -> None:
    assert renew_at_s(0, lease_s) < believed_until_s(0, 0, lease_s)
    assert deadline_s(lease_s) <= max(0.1, lease_s / 5)


@pytest.mark.parametrize("lease_s", [0, -1, 0.09, 86_401, math.nan, math.inf])
def test_a_lease_that_cannot_be_is_refused(lease_s: float) -> None:
    with pytest.raises(ConfigError, match="seconds is not possible"):
        checked_lease_ms(lease_s)


@pytest.mark.parametrize("wait_s", [-1, math.nan, math.inf])
def test_a_wait_that_cannot_be_is_refused(wait_s: float) -> None:
    with pytest.raises(ConfigError, match="None for no limit"):
        checked_wait_s(wait_s)
