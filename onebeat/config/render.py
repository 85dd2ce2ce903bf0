"""How is a mistake shown to a person, to a program, to a pull request? Pure."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict

from onebeat.config.mistakes import Code, Mistake

_WINDOW = 100  # characters of a source line that are shown around the caret


def as_text(mistakes: Sequence[Mistake]) -> str:
    """Every mistake with its source line and a caret under the bad part, then a count."""
    blocks = [_block(mistake) for mistake in mistakes]
    return "\n\n".join([*blocks, counted(mistakes)])


def as_json(mistakes: Sequence[Mistake]) -> str:
    """A JSON array of objects with the fields of `Mistake` and `severity`."""
    rows = [asdict(mistake) | {"severity": mistake.code.severity} for mistake in mistakes]
    return json.dumps(rows, indent=2)


def as_github(mistakes: Sequence[Mistake]) -> str:
    """Workflow commands (`::error file=…`) that GitHub shows beside the line in a pull request."""
    return "\n".join(_command(mistake) for mistake in mistakes)


def counted(mistakes: Sequence[Mistake]) -> str:
    """`1 mistake`, `3 mistakes, 2 warnings`."""
    warnings = sum(mistake.code.severity == "warning" for mistake in mistakes)
    numbers = ((len(mistakes) - warnings, "mistake"), (warnings, "warning"))
    parts = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in numbers if count]
    return ", ".join(parts) or "no mistakes"


def _block(mistake: Mistake) -> str:
    place = f"{printable(mistake.file)}:{mistake.line}:{mistake.column}"
    lines = [f"{place}: {mistake.code.severity} {mistake.code}: {printable(mistake.message)}"]
    if mistake.source:
        number = f"{mistake.line:5}"
        text, caret = _underlined(mistake)
        lines += [f"{number} | {text}".rstrip(), f"{' ' * len(number)} | {caret}"]
    if mistake.hint:
        lines.append(f"      = {printable(mistake.hint)}")
    return "\n".join(lines)


def _underlined(mistake: Mistake) -> tuple[str, str]:
    """The part of the source line around the column, and the carets that stand under the bad part."""
    at = min(mistake.column - 1, len(mistake.source))
    first = max(0, at - _WINDOW // 2) if len(mistake.source) > _WINDOW else 0
    shown = mistake.source[first : first + _WINDOW]
    length = max(1, min(mistake.length, len(shown) - (at - first)))
    before = "".join("\t" if char == "\t" else " " * _cells(char) for char in shown[: at - first])
    bad = sum(_cells(char) for char in shown[at - first : at - first + length])
    return printable(shown, keep="\t"), before + "^" * max(1, bad)


def _cells(char: str) -> int:
    """How many columns of a terminal a character takes: two for Korean and Chinese, none for accents."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def printable(text: str, keep: str = "") -> str:
    """`text` without characters that could steer a terminal: each becomes `�`."""
    return "".join(char if char.isprintable() or char in keep else "�" for char in text)


def _command(mistake: Mistake) -> str:
    what = f"{mistake.message}\n{mistake.hint}" if mistake.hint else mistake.message
    end = mistake.column + max(1, mistake.length) - 1
    place = (
        f"file={_property(mistake.file)},line={mistake.line},col={mistake.column},endColumn={end},"
        f"title={_property(_title(mistake.code))}"
    )
    return f"::{mistake.code.severity} {place}::{_escaped(what)}"


def _title(code: Code) -> str:
    return f"{code} {code.meaning}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
