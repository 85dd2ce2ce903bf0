"""How does an aware datetime become a whole number of milliseconds, and back? Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MS = timedelta(milliseconds=1)
_LEAST = timedelta(microseconds=1)


def floor_ms(when: datetime) -> int:
    """The last whole millisecond at or before `when`.

    Raises:
        ValueError: `when` has no time zone, so it is no instant.
    """
    if when.tzinfo is None:
        raise ValueError(f"{when!r} has no time zone: pass an aware datetime, such as datetime.now(UTC)")
    return (when - EPOCH) // _ONE_MS


def floor_s(when: datetime) -> int:
    """The last whole second at or before `when`; raises as `floor_ms`."""
    if when.tzinfo is None:
        floor_ms(when)
    since = when - EPOCH  # exact, and its parts are never negative but the days
    return since.days * 86_400 + since.seconds


def ceil_ms(when: datetime) -> int:
    """The first whole millisecond at or after `when`; raises as `floor_ms`."""
    floor = floor_ms(when)
    return floor if when.microsecond % 1000 == 0 else floor + 1


def just_before(when: datetime) -> datetime:
    """The last instant before `when`; raises as `floor_ms`.

    In UTC: elsewhere a step back from the end of a gap is a reading in the gap, which means a later instant.
    """
    if when.tzinfo is None:
        floor_ms(when)
    return when.astimezone(UTC) - _LEAST


def at_ms(instant_ms: int, zone: tzinfo = UTC) -> datetime:
    """The aware datetime of `instant_ms`, on the clocks of `zone`."""
    seconds, rest_ms = divmod(instant_ms, 1000)
    when = datetime.fromtimestamp(seconds, zone)
    return when.replace(microsecond=rest_ms * 1000) if rest_ms else when
