"""What do `${VAR}` stand for? Pure.

    ${VAR}         the variable VAR; a mistake when it is not set
    ${VAR:-word}   `word` when it is not set or empty
    ${VAR:?why}    a mistake that says why when it is not set or empty
    $$             one dollar

Only in values, and only after the file was parsed: a variable cannot change what else the file says.
Without quotes around the value what it becomes is read like any unquoted YAML, in quotes it is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from onebeat.config.mistakes import Code, Mistake, shown
from onebeat.config.page import ODD, SIZE_MAX
from onebeat.config.scalars import BadNumber, resolve_plain
from onebeat.config.tree import Node, written_way

_FORM = re.compile(
    r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<how>[-?])(?P<word>[^}]*))?\}|(?P<wrong>\{[^}]*\}?))",
    re.ASCII,
)
_FORMS = "write ${VAR}, ${VAR:-a default} or ${VAR:?why it is needed}; $$ is one dollar"


class _Wrong(Exception):
    """A form that cannot be filled in, where it stands in the text."""

    def __init__(self, form: re.Match[str], code: Code, message: str, hint: str) -> None:
        super().__init__(message)
        self.form, self.code, self.hint = form, code, hint


def fill(root: Node, environ: Mapping[str, str]) -> Iterator[Mistake]:
    """Fill in every value below `root`; a mistake for each that cannot be, and it counts as spoiled."""
    seen, size = set[int](), 0
    for way, node in root.scalars():
        if not isinstance(node.value, str) or "$" not in node.value or id(node) in seen or node.spoiled:
            continue
        seen.add(id(node))  # an alias brings the same node again
        try:
            text, filled = _filled(node.value, environ)
        except _Wrong as wrong:
            node.spoiled = True
            start = node.text_column + wrong.form.start() if node.text_column else 0
            length = len(wrong.form[0]) if start else 0
            path = written_way(way)
            yield node.mistake(wrong.code, str(wrong), hint=wrong.hint, path=path, start=start, length=length)
            continue
        size += len(text) if filled else 0
        node.filled, node.text_column = filled, node.text_column if text == node.value else 0
        if wrong_value := _read(node, text, size):
            node.spoiled = True
            yield node.mistake(*wrong_value, path=written_way(way))


def _filled(text: str, environ: Mapping[str, str]) -> tuple[str, bool]:
    """`text` with its forms replaced, and whether a variable is among them."""
    filled = False

    def replaced(form: re.Match[str]) -> str:
        nonlocal filled
        if form["dollar"]:
            return "$"
        if form["wrong"]:
            raise _Wrong(form, Code.VARIABLE, f"{shown(form[0])[1:-1]} names no variable", _FORMS)
        filled = True
        name, how, word = form["name"], form["how"], form["word"] or ""
        value = environ.get(name)
        if value or (value is not None and how is None):
            return value
        if how == "-":
            return word
        why = f": {word}" if word else ""
        state = "not set" if value is None else "empty"
        hint = f"set {name}" if how else f"set {name}, or write ${{{name}:-a default}}"
        raise _Wrong(form, Code.VARIABLE, f"the variable {name} is {state}{why}", hint)

    return _FORM.sub(replaced, text), filled


def _read(node: Node, text: str, size: int) -> tuple[Code, str] | None:
    """Give `node` the value that `text` stands for; what is wrong with it."""
    if node.filled and ODD.search(text):
        return Code.CHARACTER, ""
    if size > SIZE_MAX:
        return Code.TOO_BIG, ""
    try:
        node.value = text if node.quoted else resolve_plain(text)
    except BadNumber as problem:
        return Code.NUMBER, str(problem)
    return None
