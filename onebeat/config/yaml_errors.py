"""What did the writer of an unreadable YAML text mean to write? Pure."""

from __future__ import annotations

from typing import Any

import yaml

from onebeat.config.mistakes import Code, Mistake
from onebeat.config.page import Page

_QUOTE_CRON = 'put a cron expression that starts with * in quotes: cron: "*/5 * * * *"'
# what stands where the scanner stopped → (what is wrong, how to mend it)
_STARTS = {
    "\t": ("a tab cannot indent", "indent with spaces"),
    "*": ("a * without quotes starts an alias", _QUOTE_CRON),
    "@": ("a value cannot start with @ without quotes", 'write it in quotes: cron: "@daily"'),
    "`": ("a value cannot start with ` without quotes", "write it in quotes"),
    "%": ("a value cannot start with % without quotes", "write it in quotes"),
    "&": ("a & without quotes starts an anchor", "write it in quotes"),
    "!": ("a ! without quotes starts a tag", "write it in quotes"),
}
# a part of libyaml's or PyYAML's own words → (what is wrong, how to mend it)
_PROBLEMS = (
    (
        "mapping values are not allowed",
        "a second ': ' cannot stand here",
        "quote the text, or indent the line",
    ),
    ("unexpected end of stream", "a quote is opened and never closed", "close it where the text ends"),
    ("could not find expected ':'", "this line is neither 'key: value' nor '- value'", "is a colon missing?"),
    ("expected key", "the indentation does not fit the lines above", "align it with its neighbours"),
    ("<block end>", "the indentation does not fit the lines above", "align it with its neighbours"),
    ("'-' indicator", "a list and a mapping are mixed here", "use - for every line, or for none"),
    ("expected ',' or", "a [ or { is not closed, or a comma is missing", "close it, or add the comma"),
    ("unexpected ':'", "a value is missing after this colon", "write a value, or remove the key"),
    (
        "directive",
        "a line that starts with % is a directive, and this one is unknown",
        "remove it, or quote it",
    ),
    ("node content", "a value is missing, or a [ or { is not closed", "complete it"),
    ("escape", "the \\ does not start a known escape", "write \\\\, or use single quotes"),
    ("document start", "something follows the end of the document", "remove the ... line"),
)


def explain(page: Page, error: yaml.YAMLError) -> Mistake:
    """The parser's complaint with its place, in words that say how to mend it."""
    problem = str(getattr(error, "problem", None) or error).split("\n")[0]
    mark: Any = getattr(error, "problem_mark", None)
    line, column = (mark.line, mark.column) if mark else (0, 0)
    start = getattr(error, "context_mark", None)
    begun = str(getattr(error, "context", "") or "")
    if start and ("end of stream" in problem or begun.endswith(("an alias", "an anchor", "a tag"))):
        line, column = start.line, start.column
    line, column = _inside(page, line, column)
    text = page.lines[line]
    at_start = any(part in problem for part in ("cannot start", "alphabetic"))  # of a value
    stopped = _STARTS.get(text[column : column + 1]) if at_start else None
    if text[max(0, column - 1) : column + 1] == "${":
        stopped = ("a ${ without quotes opens a mapping", "put the value in quotes")
    message, hint = stopped or next(
        ((message, hint) for part, message, hint in _PROBLEMS if part in problem),
        (f"this is not YAML: {problem}", "check quotes, colons and indentation"),
    )
    return page.mistake(Code.SYNTAX, message, line + 1, column + 1, hint=hint)


def _inside(page: Page, line: int, column: int) -> tuple[int, int]:
    """A place that exists: the parser points behind the end when something is missing there."""
    while line > 0 and (line >= len(page.lines) or not page.lines[line].strip()):
        line -= 1
        column = len(page.lines[line].rstrip())
    return line, min(column, len(page.lines[line]))
