"""Does the JSON Schema accept what `load` accepts, and refuse what it can see is wrong?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from onebeat.config import json_schema
from onebeat.config.page import read_page
from onebeat.config.resolver import resolve

CONFIG = Path(__file__).resolve().parents[2] / "config"
SCHEMA = json_schema()
KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}
NOTES = {"$defs", "$schema", "title", "description", "default"}


def fits(value: Any, schema: Any) -> bool:
    """Whether `value` fits; knows exactly the keywords that our schema uses, and fails on any other."""
    if isinstance(schema, bool):
        return schema
    return all(CHECKS[word](value, told, schema) for word, told in schema.items() if word not in NOTES)


def resolved(ref: str) -> Any:
    return SCHEMA["$defs"][ref.removeprefix("#/$defs/")]


def is_kind(value: Any, kind: str) -> bool:
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def extra_fits(value: Any, told: Any, schema: Any) -> bool:
    known = schema.get("properties", {})
    return not isinstance(value, dict) or all(fits(v, told) for k, v in value.items() if k not in known)


CHECKS: dict[str, Any] = {
    "$ref": lambda value, told, _: fits(value, resolved(told)),
    "type": lambda value, told, _: is_kind(value, told),
    "const": lambda value, told, _: value == told and type(value) is type(told),
    "enum": lambda value, told, _: value in told,
    "not": lambda value, told, _: not fits(value, told),
    "anyOf": lambda value, told, _: any(fits(value, one) for one in told),
    "minItems": lambda value, told, _: not isinstance(value, list) or len(value) >= told,
    "oneOf": lambda value, told, _: sum(fits(value, one) for one in told) == 1,
    "required": lambda value, told, _: not isinstance(value, dict) or all(key in value for key in told),
    "properties": lambda value, told, _: (
        not isinstance(value, dict) or all(fits(value[key], one) for key, one in told.items() if key in value)
    ),
    "additionalProperties": extra_fits,
    "propertyNames": lambda value, told, _: all(fits(key, told) for key in value),
    "pattern": lambda value, told, _: not isinstance(value, str) or bool(re.search(told, value)),
    "items": lambda value, told, _: not isinstance(value, list) or all(fits(one, told) for one in value),
    "minimum": lambda value, told, _: not isinstance(value, int) or value >= told,
    "maximum": lambda value, told, _: not isinstance(value, int) or value <= told,
    "exclusiveMaximum": lambda value, told, _: not isinstance(value, int) or value < told,
    "maxLength": lambda value, told, _: not isinstance(value, str) or len(value) <= told,
    "maxItems": lambda value, told, _: not isinstance(value, list) or len(value) <= told,
}


def plain(text: bytes) -> Any:
    page, _ = read_page(text, "f")
    assert page is not None
    root, mistakes = resolve(page)
    assert root is not None
    assert not mistakes
    return root.plain()


@pytest.mark.parametrize("name", ["onebeat.yaml", "minimal.yaml"])
def test_the_examples_fit(name: str) -> None:
    assert fits(plain((CONFIG / name).read_bytes()), SCHEMA)


@pytest.mark.parametrize(
    "body",
    [
        "task: t:f, every: 5m, timeout: null",
        "task: t:f, cron: '@daily', retries: {max: 3, delay: 1h30m}",
        "task: t:f, manual: true, singleton: {}, args: [1, {a: b}]",
        "task: registered-name, at: 2026-12-31T23:00",
    ],
)
def test_right_schedules_fit(body: str) -> None:
    assert fits(plain(f"schedules: {{a: {{{body}}}}}".encode()), SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "schedule: {}",
        "version: 2",
        "include: a.yaml",
        "profiles: []",
        "schedules: {A: {task: t:f, every: 5m}}",
        "schedules: {a: {every: 5m}}",
        "schedules: {a: {task: t:f}}",
        "schedules: {a: {task: t:f, every: 5m, cron: '* * * * *'}}",
        "schedules: {a: {task: t:f, every: 5}}",
        "schedules: {a: {task: t:f, every: 5 m}}",
        "schedules: {a: {task: t:f, every: 5m, jitter: 5}}",
        "schedules: {a: {task: t:f, any: [], manual: true}}",
        "schedules: {a: {task: t:f, manual: false}}",
        "schedules: {a: {task: t:f, every: 5m, enabled: no}}",
        "schedules: {a: {task: t:f, every: 5m, priority: 4}}",
        "schedules: {a: {task: t:f, every: 5m, overlap: queue-two}}",
        "schedules: {a: {task: t:f, every: 5m, limit: 0}}",
        "schedules: {a: {task: t:f, every: 5m, pause_after: 1h}}",
        "schedules: {a: {task: t:f, every: 5m, retries: 3}}",
        "schedules: {a: {task: t:f, every: 5m, retries: {tries: 3}}}",
        "schedules: {a: {task: rm -rf, every: 5m}}",
    ],
)
def test_wrong_files_do_not_fit(text: str) -> None:
    assert not fits(plain(text.encode()), SCHEMA)


def test_it_is_plain_json_that_explains_every_key() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert SCHEMA["$schema"].endswith("2020-12/schema")
    for section in [SCHEMA, *SCHEMA["$defs"].values()]:
        for key, one in section.get("properties", {}).items():
            assert one.get("description"), key


def test_defaults_of_durations_are_spelled_as_a_person_writes_them() -> None:
    parts = json_schema()["$defs"]
    assert parts["CatchUpSection"]["properties"]["window"]["default"] == "1h"
    assert parts["SingletonSection"]["properties"]["lease"]["default"] == "10s"
    assert parts["RetriesSection"]["properties"]["max"]["default"] == 0
