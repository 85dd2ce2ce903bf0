"""What do editors need to know to help with writing a file?"""

from __future__ import annotations

from typing import Any

from onebeat.config.model import File
from onebeat.durations import format_ms

_BOUND = {"enum", "pattern", "const"}
_NOT_TEXT = ("integer", "number", "boolean")
_ABOUT = ("default", "description", "title")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The language as JSON Schema 2020-12: editors complete keys and underline wrong ones with it.

    It is a little more generous than `load`: zones, cron fields and dates are plain text to it.
    """
    schema = _spelled(File.model_json_schema(by_alias=True))
    for section in (schema, *schema["$defs"].values()):
        section["properties"] = {key: _or_filled(one) for key, one in section["properties"].items()}
    schema["$defs"]["Filled"] = {
        "type": "string",
        "pattern": r"\$\{|\{\{",
        "description": "filled in from the environment, ${VAR}, or from a matrix, {{ matrix.name }}",
    }
    return {"$schema": DIALECT, **schema, "title": "onebeat configuration", "type": "object"}


def _or_filled(value: dict[str, Any]) -> dict[str, Any]:
    """A value that is not free text may be written as one that is filled in."""
    choices = value.get("anyOf", [value])
    if not any(_BOUND & one.keys() or one.get("type") in _NOT_TEXT for one in choices):
        return value
    about = {key: value[key] for key in _ABOUT if key in value}
    choices = [{key: told for key, told in one.items() if key not in _ABOUT} for one in choices]
    return {"anyOf": [*choices, {"$ref": "#/$defs/Filled"}], **about}


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
