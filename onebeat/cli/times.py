"""How is a time shown? RFC 3339 in UTC to programs, the clock on the wall to people."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from onebeat.durations import format_ms

_MINUTE_MS, _HOUR_MS, _DAY_MS = 60_000, 3_600_000, 86_400_000


def utc_text(ms: int | None) -> str | None:
    """`2026-03-29T01:00:00.000Z`."""
    return None if ms is None else utc_of(_at(ms, UTC))


def utc_of(when: datetime) -> str:
    """The same of an aware datetime."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_text(ms: int | None, zone: tzinfo | None = None) -> str:
    """`2026-03-29 03:00:00 CEST` on the clocks of `zone`, else of this machine; `-` without a time."""
    return "-" if ms is None else wall_text(_at(ms, zone))


def wall_text(when: datetime) -> str:
    """The same of an aware datetime, on its own clocks."""
    fraction = f".{when.microsecond // 1000:03}" if when.microsecond else ""
    return f"{when:%Y-%m-%d %H:%M:%S}{fraction} {when:%Z}"


def clock_text(ms: int) -> str:
    """`03:00:00`, on this machine's clock."""
    return f"{_at(ms, None):%H:%M:%S}"


def span_text(ms: int | None) -> str:
    """How long, as precisely as people want it: `12ms`, `3.4s`, `5m12s`, `7h30m`, `3d4h`."""
    if ms is None:
        return "-"
    sign, ms = ("-" if ms < 0 else ""), abs(ms)
    if ms < 1000:
        return f"{sign}{ms}ms"
    if ms < _MINUTE_MS:
        return f"{sign}{ms // 100 / 10:g}s"
    unit = 1000 if ms < _HOUR_MS else _MINUTE_MS if ms < _DAY_MS else _HOUR_MS
    return sign + format_ms(ms // unit * unit)


def until_text(ms: int) -> str:
    """`in 5m12s`, or `3.4s ago`."""
    return f"in {span_text(ms)}" if ms >= 0 else f"{span_text(-ms)} ago"


def _at(ms: int, zone: tzinfo | None) -> datetime:
    seconds, rest_ms = divmod(ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest_ms * 1000).astimezone(zone)
