"""How is a result kept for replays? Pure.

JSON, because people read this column with SQL. A result that cannot be kept does not fail the effect:
the row then says why it has none.
"""

from __future__ import annotations

from typing import Any

import msgspec

RESULT_MAX_BYTES = 64 * 1024


def pack(result: Any) -> tuple[str | None, str | None]:
    """The text to store and None, or None and the reason why `result` is not stored."""
    if result is None:
        return None, None
    try:
        encoded = msgspec.json.encode(result)
    except (TypeError, ValueError, RecursionError, OverflowError) as problem:  # UnicodeEncodeError too
        return None, f"the result is not stored: {problem}"
    if len(encoded) > RESULT_MAX_BYTES:
        return (
            None,
            f"the result is not stored: {len(encoded)} bytes of JSON, at most {RESULT_MAX_BYTES} are kept",
        )
    return encoded.decode(), None


def unpack(text: str | None) -> Any:
    """What `pack` kept, as JSON returns it: tuples come back as lists, dates as text."""
    return None if text is None else msgspec.json.decode(text)
