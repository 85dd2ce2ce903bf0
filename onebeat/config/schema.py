"""What do editors need to know to help with writing a file?"""

from __future__ import annotations

from typing import Any

from onebeat.config.model import File
from onebeat.durations import format_ms

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The language as JSON Schema 2020-12: editors complete keys and underline wrong ones with it.

    It is a little more generous than `load`: zones, cron fields and dates are plain text to it.
    """
    schema = File.model_json_schema(by_alias=True)
    return {"$schema": DIALECT, **_spelled(schema), "title": "onebeat configuration", "type": "object"}


def _spelled(part: Any) -> Any:
    """`part` with the defaults of durations as a person writes them: the model keeps milliseconds."""
    if isinstance(part, list):
        return [_spelled(one) for one in part]
    if not isinstance(part, dict):
        return part
    spelled = {name: _spelled(value) for name, value in part.items()}
    if spelled.get("type") == "string" and isinstance(spelled.get("default"), int):
        spelled["default"] = format_ms(spelled["default"])
    return spelled
