"""How is a value of the code written on a page of the reference? Pure."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from onebeat.durations import format_ms


def option_text(option: click.Option) -> str:
    """`-n, --limit INTEGER`."""
    names = ", ".join(sorted([*option.opts, *option.secondary_opts], key=len))
    if option.is_flag:
        return names
    choices = getattr(option.type, "choices", None)
    value = option.metavar or (
        "|".join(map(str, choices)) if choices else option.type.name.split()[0].upper()
    )
    return f"{names} {value}"


def kind(value: Mapping[str, Any]) -> str:
    """What a key takes, in words."""
    if "anyOf" in value:
        return kind(next(one for one in value["anyOf"] if one.get("type") != "null"))
    if "$ref" in value:
        section = spell_section(value["$ref"].rpartition("/")[2])
        return f"[{section}](#{section})"
    if "enum" in value:
        return " or ".join(map(code, value["enum"]))
    if "const" in value:
        return code(str(value["const"]).lower())
    if is_duration(value):
        return "duration"
    plain = str(value.get("type", "any"))
    return {"object": "mapping", "array": "list", "string": "text"}.get(plain, plain)


def is_duration(value: Mapping[str, Any]) -> bool:
    """Whether it is a length of time, whose default the schema gives in ms."""
    return any("ms|s|m" in one.get("pattern", "") for one in (value, *value.get("anyOf", ())))


def default(value: Mapping[str, Any]) -> str:
    """The default, as people write it."""
    given = value.get("default")
    if given in (None, "", [], {}) or isinstance(given, dict):
        return ""
    if is_duration(value) and isinstance(given, int):
        return code(format_ms(given))
    return code(str(given).lower() if isinstance(given, bool) else given)


def spell_section(name: str) -> str:
    """`CatchUpSection` → `catch_up`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Section")).lower()


def layout(doc: str) -> str:
    """A docstring's indented block as text that keeps its columns, the paragraph before it as prose."""
    head, _, rest = doc.partition("\n\n    ")
    block = f"    {rest}".partition("\n\n")[0]
    prose = head.split("\n\n")[-1].replace("\n", " ")
    return f"{prose}\n\n```text\n{inspect.cleandoc(block)}\n```\n"


def summary(kind: type[Any]) -> str:
    """The first paragraph of its docstring, on one line."""
    return (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [
        list(titles),
        ["---"] * len(titles),
        *([cell.replace("|", "\\|") for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def code(text: object) -> str:
    """`text` in backquotes."""
    return f"`{text}`"
