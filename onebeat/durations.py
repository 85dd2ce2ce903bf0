"""How long is `1h30m`? Pure.

A length of time that a person writes always carries its unit; a bare number is refused, because
every peer reads it differently (seconds, minutes, milliseconds).
"""

from __future__ import annotations

import re

from onebeat.errors import InvalidDuration

UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
MAX_MS = 100 * 366 * 86_400_000  # a century: above it a typing error is likelier than a wish
_PART = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)(ms|[smhdw])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_WANTED = "write a number and a unit, such as 90s, 5m, 1h30m, 2d (units: ms s m h d w)"


def parse_ms(text: str) -> int:
    """Milliseconds in `text` such as `250ms`, `90s`, `1h30m`, `1.5h`.

    Raises:
        InvalidDuration: no unit, unknown unit, or longer than a century.
    """
    compact = text.strip()
    if not _WHOLE.fullmatch(compact):
        hint = f"write {compact}s or {compact}m" if compact.isascii() and compact.isdigit() else _WANTED
        raise InvalidDuration(f"{text!r} is not a duration: {hint}")
    total = sum(float(number) * UNIT_MS[unit] for number, unit in _PART.findall(compact))
    if total > MAX_MS:
        raise InvalidDuration(f"{text!r} is longer than a century: {_WANTED}")
    return round(total)


def format_ms(ms: int) -> str:
    """The shortest exact spelling of `ms`, readable by `parse_ms`: 5400000 → `1h30m`."""
    if ms == 0:
        return "0s"
    sign, rest, parts = ("-" if ms < 0 else ""), abs(ms), []
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, UNIT_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return sign + "".join(parts)
