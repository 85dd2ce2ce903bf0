"""Which schedule of which file is being read? Pure."""

from __future__ import annotations

from dataclasses import dataclass

from onebeat.config.mistakes import Code, Mistake
from onebeat.config.page import Page
from onebeat.config.tree import Node, Way, written_way


@dataclass(frozen=True, slots=True)
class Place:
    """The schedule `id` with its key and its value in the tree; makes mistakes that point into it."""

    page: Page
    id: str
    key: Node
    node: Node

    @property
    def way(self) -> tuple[str, str]:
        return ("schedules", self.id)

    def mistake(
        self, code: Code, message: str, where: Way = (), hint: str = "", *, on_key: bool = False
    ) -> Mistake:
        """A mistake at the value (or key) of `where` below the schedule; at the id when it is not there."""
        at = self.node.at(where)
        if at is self.node:
            at = self.key
        elif on_key or at.value is None:
            at = self.node.key_at(where)
        way = written_way((*self.way, *where))
        return self.page.mistake(code, message, at.line, at.column, hint=hint, length=at.length, path=way)
