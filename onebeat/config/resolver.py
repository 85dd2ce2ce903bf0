"""Which tree of values does a YAML text describe, and where does each value stand? Pure.

libyaml scans and parses, we build. Not over `compose`: it recurses in C, and 5 000 brackets end the
process with a segmentation fault (measured, PyYAML 6.0.3); events keep the depth in our hands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml import events as ev

from onebeat.config.mistakes import Code, Mistake, shown
from onebeat.config.page import Page
from onebeat.config.scalars import BadNumber, resolve_plain
from onebeat.config.tree import Node
from onebeat.config.yaml_errors import explain

DEPTH_MAX = 20
NODES_MAX = 200_000  # after aliases are expanded: what stops a "billion laughs" file
ALIASES_MAX = 100
_SURROGATE = re.compile("[\\ud800-\\udfff]")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Fatal(Exception):
    """Nothing after this mistake can be read."""


def resolve(page: Page) -> tuple[Node | None, list[Mistake]]:
    """The root of the tree, or None, and every mistake on the way.

    A node that a mistake spoiled stays in the tree, marked `spoiled`, so that the rest can still be
    checked. YAML 1.2 core schema; one document; no tags, merge keys or recursion.
    """
    builder = _Builder(page)
    try:
        for event in _events(page):
            builder.take(event)
    except _Fatal:
        return None, builder.mistakes
    except yaml.YAMLError as error:
        return None, [*builder.mistakes, explain(page, error)]
    if builder.root is None:
        builder.blame(Code.DOCUMENTS, "the file is empty", 1, 1, "write at least: schedules: {}")
    return builder.root, builder.mistakes


def _events(page: Page) -> Iterator[Any]:
    loader = _LOADER(page.text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


class _Builder:
    """Turns events into nodes; `_open` is the way from the root to the collection being filled."""

    def __init__(self, page: Page) -> None:
        self.mistakes: list[Mistake] = []
        self.root: Node | None = None
        self._page = page
        self._open: list[Node] = []
        self._keys: list[Node | None] = []  # for each open mapping, the key that waits for its value
        self._anchors: dict[str, Node] = {}
        self._nodes = self._aliases = 0

    def blame(
        self, code: Code, message: str, line: int, column: int, hint: str = "", length: int = 1
    ) -> None:
        self.mistakes.append(self._page.mistake(code, message, line, column, hint=hint, length=length))

    def _blame(self, code: Code, message: str, event: Any, hint: str = "") -> None:
        start, end = event.start_mark, event.end_mark
        length = max(1, end.column - start.column) if end.line == start.line else 1
        self.blame(code, message, start.line + 1, start.column + 1, hint, length)

    def take(self, event: Any) -> None:
        """Add what `event` says to the tree."""
        if isinstance(event, ev.ScalarEvent):
            self._place(self._scalar(event), event)
        elif isinstance(event, ev.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, ev.CollectionEndEvent):
            self._end(event)
        elif isinstance(event, ev.AliasEvent):
            self._place(self._alias(event), event)
        elif isinstance(event, ev.DocumentStartEvent):
            self._document(event)

    def _document(self, event: Any) -> None:
        if self.root is not None:
            self._blame(Code.DOCUMENTS, "a second document starts here", event, "one file holds one document")
            raise _Fatal
        if event.version not in (None, (1, 2)) or event.tags:
            self._blame(Code.FEATURE, "onebeat reads YAML 1.2 without tags", event, "remove the % line")

    def _new(self, value: Any, event: Any) -> Node:
        start, end = event.start_mark, event.end_mark
        length = max(1, end.column - start.column) if end.line == start.line else 1
        node = Node(value, self._page, start.line + 1, start.column + 1, length)
        if event.tag is not None:
            node.spoiled = True
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            message = f"the tag {shown(tag)} is not part of the language"
            self._blame(Code.FEATURE, message, event, "write the plain value; quotes make it text")
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any) -> Node:
        plain = not event.style and event.tag is None
        try:
            node = self._new(resolve_plain(event.value) if plain else event.value, event)
        except BadNumber as error:
            node = self._new(None, event)
            node.spoiled = True
            self._blame(Code.NUMBER, str(error), event, "put it in quotes if it is text")
        if _SURROGATE.search(event.value):
            node.spoiled = True
            self._blame(Code.CHARACTER, "half of a surrogate pair is not a character", event)
        node.text_column = self._text_column(event)
        node.written, node.quoted = event.value, not plain
        return node

    def _text_column(self, event: Any) -> int:
        """Where the scalar's text begins, if the file holds it letter by letter; else 0."""
        column = event.start_mark.column + (1 if event.style in ("'", '"') else 0)
        line = self._page.line(event.start_mark.line + 1)
        verbatim = line[column : column + len(event.value)]
        return column + 1 if verbatim == event.value else 0

    def _begin(self, event: Any) -> None:
        if len(self._open) >= DEPTH_MAX:
            self._blame(Code.TOO_BIG, f"nested deeper than {DEPTH_MAX} levels", event, "flatten it")
            raise _Fatal
        node = self._new({} if isinstance(event, ev.MappingStartEvent) else [], event)
        node.closed = False
        node.height = 1
        self._place(node, event)
        self._open.append(node)
        self._keys.append(None)

    def _end(self, event: Any) -> None:
        node = self._open.pop()
        self._keys.pop()
        node.closed = True
        if self._open:
            self._open[-1].grow(node)

    def _alias(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor)
        self._aliases += 1
        if node is None:
            self._blame(
                Code.FEATURE,
                f"no anchor &{event.anchor} stands before this alias",
                event,
                "put text in quotes",
            )
            start = event.start_mark
            node = Node(None, self._page, start.line + 1, start.column + 1, spoiled=True)
        elif isinstance(node.value, (list, dict)) and not node.closed:
            self._blame(Code.FEATURE, f"*{event.anchor} contains itself", event, "write the value out")
            raise _Fatal
        too_deep = len(self._open) + node.height > DEPTH_MAX
        if self._aliases > ALIASES_MAX or too_deep:
            limit = f"deeper than {DEPTH_MAX} levels" if too_deep else f"beyond {ALIASES_MAX} aliases"
            self._blame(Code.TOO_BIG, f"aliases expand this file {limit}", event, "write the values out")
            raise _Fatal
        return node

    def _place(self, node: Node, event: Any) -> None:
        self._nodes += node.weight
        if self._nodes > NODES_MAX:
            self._blame(Code.TOO_BIG, f"the file expands to more than {NODES_MAX} values", event, "split it")
            raise _Fatal
        if not self._open:
            self.root = node
        elif isinstance(self._open[-1].value, list):
            self._open[-1].value.append(node)
        elif self._keys[-1] is None:
            self._keys[-1] = node
        else:
            self._add_pair(self._open[-1], self._keys[-1], node)
            self._keys[-1] = None
        if self._open and node.closed:
            self._open[-1].grow(node)

    def _add_pair(self, parent: Node, key: Node, value: Node) -> None:
        name = key.value
        if name == "<<" and key.text_column == key.column:
            self._wrong_key(
                Code.FEATURE, "merge keys are not part of YAML 1.2", key, "say it once in defaults:"
            )
        elif not isinstance(name, str):
            quoted = f'put it in quotes: "{key.written}"' if key.written else "text with braces needs quotes"
            if not key.spoiled:
                self._wrong_key(Code.KEY, "a key must be text", key, quoted)
        elif name in parent.value:
            first = parent.keys[name]
            message = f"the key {shown(name)} is already on line {first.line}"
            self._wrong_key(Code.DUPLICATE_KEY, message, key, "keep one of them")
        else:
            parent.value[name] = value
            parent.keys[name] = key

    def _wrong_key(self, code: Code, message: str, key: Node, hint: str) -> None:
        self.blame(code, message, key.line, key.column, hint, key.length)
