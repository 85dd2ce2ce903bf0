"""Which values use a syntax of later versions, and so cannot be taken literally? Pure.

`${VAR}` and `{{ nominal }}` will be filled in one day. Until then they refuse, and `$$` with them: a file
must not change its meaning with an upgrade.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from onebeat.config.mistakes import Code, Mistake
from onebeat.config.page import Page
from onebeat.config.tree import Node, written_way

_LATER = re.compile(r"\$\{[^}]*\}?|\$\$|\{\{.*?(?:\}\}|$)", re.DOTALL)
_HINTS = {
    "$": "write the value itself; --redis and ONEBEAT_REDIS_URL keep secrets out of the file",
    "{": "let the task ask its context for run-time values",
}


def later_literals(page: Page, root: Node) -> Iterator[Mistake]:
    """A mistake for each value with `${`, `$$` or `{{`; their nodes count as spoiled from then on."""
    for way, node in root.scalars():
        found = _LATER.search(node.value) if isinstance(node.value, str) and not node.spoiled else None
        if not found or _is_lock_key(way, found[0]):
            continue
        node.spoiled = True
        column = node.text_column + found.start() if node.text_column else node.column
        message = f"{found[0][:40]} is not yet supported"
        yield page.mistake(
            Code.LATER,
            message,
            node.line,
            column,
            hint=_HINTS[found[0][0]],
            length=len(found[0]),
            path=written_way(way),
        )


def _is_lock_key(way: tuple[str | int, ...], found: str) -> bool:
    """In the template of a lock key `{{` stands for one brace."""
    return way[-2:] == ("singleton", "key") and found[0] == "{"
