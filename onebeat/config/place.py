"""Which schedule of which file is being read? Pure."""

from __future__ import annotations

from dataclasses import dataclass

from onebeat.config.mistakes import Code, Mistake
from onebeat.config.page import Page
from onebeat.config.tree import Node, Way, written_way


@dataclass(frozen=True, slots=True)
class Place:
    """The schedule `id`; makes mistakes that point into it.

    `key` and `node` are its key and value in the file, `full` is the value with the defaults and
    profiles under it: what is said there has its place in another section or file.
    """

    page: Page
    id: str
    key: Node
    node: Node
    full: Node
    origin: str = ""  # the id of the entry that has the matrix, when it comes from one

    @property
    def way(self) -> tuple[str, str]:
        return ("schedules", self.id)

    def says(self, *where: str) -> bool:
        """Whether the file says something at `where` below the schedule, not only the default speaks."""
        node = self.full
        for key in where:
            if key not in node.children():
                return False
            node = node.children()[key]
        return True

    def mistake(
        self, code: Code, message: str, where: Way = (), hint: str = "", *, on_key: bool = False
    ) -> Mistake:
        """A mistake at the value (or key) of `where` below the schedule; at the id when it is not there."""
        at = self.node.at(where)
        if at is self.node:
            at = self.key
        elif on_key or at.value is None:
            at = self.node.key_at(where)
        about = self.full.at(where) if where and not on_key else None
        return at.mistake(code, message, hint=hint, path=written_way((*self.way, *where)), about=about)
