"""What does the configuration say, with the place of every word? Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from onebeat.config.mistakes import Code, Mistake, shown
from onebeat.config.page import Page

Way = Sequence[str | int]  # from the root: keys of mappings and positions in lists


@dataclass(slots=True, eq=False)
class Node:
    """One value. `value` is a scalar, a list of nodes, or a mapping of text to nodes.

    `line` and `column` count from 1, on `page`. `keys` holds the key of each value of a mapping. A
    `spoiled` node was already complained about; nothing more is said about it. What a `filled` scalar
    holds came from the environment, and is never shown.
    """

    value: Any
    page: Page
    line: int
    column: int
    length: int = 1
    keys: dict[str, Node] = field(default_factory=dict)
    spoiled: bool = False
    quoted: bool = False
    filled: bool = False
    written: str = ""  # a scalar as it was written, quotes and escapes resolved
    text_column: int = 0  # where that text begins in its line; 0 when it is folded or escaped
    weight: int = 1  # values in it, itself included
    height: int = 0  # levels of collections in it, itself included
    closed: bool = True

    def grow(self, child: Node) -> None:
        """Count `child`, which is complete."""
        self.weight += child.weight
        self.height = max(self.height, child.height + 1)

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {name: node.plain() for name, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def children(self) -> Mapping[str | int, Node]:
        """The nodes directly below, by key or position; none below a scalar."""
        if isinstance(self.value, list):
            return dict(enumerate(self.value))
        return self.value if isinstance(self.value, dict) else {}

    def holds_filled(self) -> bool:
        """Whether anything in it came from the environment."""
        return self.filled or any(node.holds_filled() for node in self.children().values())

    def mistake(
        self,
        code: Code,
        message: str,
        *,
        hint: str = "",
        path: str = "",
        start: int = 0,
        length: int = 0,
        about: Node | None = None,
    ) -> Mistake:
        """A mistake at this node; `start` counts characters of its line, `about` is the value that is wrong.

        Nothing is told of a value that came from the environment: it may be a secret.
        """
        wrong = about or self
        if self.filled or (about is not None and about.holds_filled()):
            written = shown(wrong.written) if wrong.written else "this"
            message = f"what {written} stands for is wrong: {code.meaning}"
            hint, start, length = "look at what the environment holds", 0, 0
        return self.page.mistake(
            code,
            message,
            self.line,
            start or self.column,
            hint=hint,
            length=length or self.length,
            path=path,
        )

    def at(self, way: Way) -> Node:
        """The node at the end of `way`, or the last one on it that exists."""
        node = self
        for step in way:
            below = node.children()
            if step not in below:
                break
            node = below[step]
        return node

    def key_at(self, way: Way) -> Node:
        """The key that leads to the end of `way`; the value itself in a list or at the root."""
        if not way:
            return self
        parent = self.at(way[:-1])
        return parent.keys.get(str(way[-1])) or self.at(way)

    def scalars(self, way: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Node]]:
        """Every scalar below with the way to it, in the order of the file."""
        if not isinstance(self.value, (dict, list)):
            yield way, self
        for step, node in self.children().items():
            yield from node.scalars((*way, step))


def written_way(way: Way) -> str:
    """`schedules.nightly.args[0]`."""
    text = ""
    for step in way:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")
