"""What does a schedule say once its profiles and the defaults are laid under it? Pure.

From the bottom: `defaults`, the profiles in the order in which they are named (each over those that it
extends itself), the schedule. Mappings merge key by key, everything else is replaced; `null` takes back
what lies below. A trigger replaces every trigger below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from onebeat.config.mistakes import Code, Mistake, did_you_mean, shown
from onebeat.config.model import TRIGGERS
from onebeat.config.tree import Node, Way, written_way

OF_TRIGGERS = {*TRIGGERS, "offset"}
_OWN = {"extends", "matrix"}  # not passed on
_NOTHING: Mapping[str, Node] = {}


@dataclass(frozen=True, slots=True)
class Ground:
    """What a file lays under its schedules, that of the file which includes it at the bottom."""

    timezone: str = "UTC"
    defaults: Node | None = None
    profiles: Mapping[str, Node] = field(default_factory=dict)

    def under(self, timezone: str | None, root: Node) -> Ground:
        """The ground of a file with this zone and `root`, which stands on this one."""
        defaults = root.value.get("defaults")
        if defaults is not None and isinstance(defaults.value, dict) and not defaults.spoiled:
            defaults = laid(self.defaults, defaults)
        else:
            defaults = self.defaults
        profiles = root.value.get("profiles")
        own = profiles.value if profiles is not None and isinstance(profiles.value, dict) else _NOTHING
        return Ground(timezone or self.timezone, defaults, {**self.profiles, **own})

    def complete(self, entry: Node, way: Way) -> tuple[Node, list[Mistake]]:
        """`entry` over its profiles and the defaults, and what is wrong with the names of profiles."""
        if not isinstance(entry.value, dict):
            return entry, []
        full, mistakes = self.defaults, list[Mistake]()
        for name, at in _named(entry):
            full, wrong = self._with_profile(full, name, at, (*way, "extends"), ())
            mistakes += wrong
        return laid(full, entry), mistakes

    def _with_profile(
        self, under: Node | None, name: str, at: Node, way: Way, passed: tuple[str, ...]
    ) -> tuple[Node | None, list[Mistake]]:
        """The profile `name`, named at `at`, over `under`; `passed`: the profiles that led to it."""
        if name in passed:
            round_ = " → ".join((*passed[passed.index(name) :], name))
            message = f"the profile {name} extends itself: {round_}"
            return under, [_told(at, Code.PROFILE, message, way, "remove one of the extends")]
        profile = self.profiles.get(name)
        if profile is None:
            hint = did_you_mean(name, self.profiles) if self.profiles else "declare it under profiles:"
            return under, [_told(at, Code.PROFILE, f"no profile is called {shown(name)}", way, hint)]
        mistakes = list[Mistake]()
        if not isinstance(profile.value, dict):
            return under, mistakes
        for below, where in _named(profile):
            way = ("profiles", name, "extends")
            under, wrong = self._with_profile(under, below, where, way, (*passed, name))
            mistakes += wrong
        return laid(under, profile), mistakes


def laid(under: Node | None, over: Node) -> Node:
    """The mapping `over` with what only `under` says; stands where `over` does."""
    if under is None or not under.value:
        return over
    replaced = OF_TRIGGERS if over.value.keys() & set(TRIGGERS) else set[str]()
    kept = {key: node for key, node in under.value.items() if key not in replaced and key not in _OWN}
    merged = {key: _merged(kept.get(key), node) for key, node in over.value.items()}
    keys = {**{key: under.keys[key] for key in kept}, **over.keys}
    return Node({**kept, **merged}, over.page, over.line, over.column, over.length, keys)


def _merged(under: Node | None, over: Node) -> Node:
    if under is None or not isinstance(under.value, dict) or not isinstance(over.value, dict):
        return over
    keys = {**under.keys, **over.keys}
    return Node({**under.value, **over.value}, over.page, over.line, over.column, over.length, keys)


def _named(entry: Node) -> Iterator[tuple[str, Node]]:
    """The profiles that it extends, each with the place of its name."""
    node = entry.value.get("extends")
    if node is None or node.spoiled:
        return
    for one in node.value if isinstance(node.value, list) else (node,):
        if isinstance(one.value, str):  # else the model complains
            yield one.value, one


def _told(at: Node, code: Code, message: str, way: Way, hint: str) -> Mistake:
    at.spoiled = True
    return at.mistake(code, message, hint=hint, path=written_way(way))
