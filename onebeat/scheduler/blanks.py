"""Which blanks of an argument are filled in when its run is made? Pure.

    {{ nominal }}    the scheduled time
    {{ previous }}   the schedule's time before it, whether or not it ran; null when there is none
    {{ run_id }}     the id of the run
    {{ "{{" }}       two braces, literally

A fixed list of names and no code. A value that is one blank and nothing else gets what the name stands
for (a date and time, not its spelling); within a text a time is written as ISO 8601 in the schedule's zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

NAMES = ("nominal", "previous", "run_id")
_BLANK = re.compile(r"""\{\{\s*(?:(?P<name>[^{}"']*?)|(?P<braces>"\{\{"|'\{\{'))\s*\}\}|(?P<wrong>\{\{)""")
Lookup = Callable[[str], Any]


class Blank(NamedTuple):
    """One blank: where it begins and how long it is; `name` is None when it is not closed."""

    start: int
    length: int
    name: str | None


def blanks(text: str) -> Iterator[Blank]:
    """The blanks in `text`, without those that stand for braces."""
    for found in _BLANK.finditer(text):
        if found["wrong"]:
            yield Blank(found.start(), len(text) - found.start(), None)
        elif not found["braces"]:
            yield Blank(found.start(), len(found[0]), found["name"])


def has_blanks(value: Any) -> bool:
    """Whether any text in `value` has something to fill in, or braces to write out."""
    if isinstance(value, str):
        return "{{" in value
    if isinstance(value, Mapping):
        return any(has_blanks(one) for one in value.values())
    return isinstance(value, Sequence) and not isinstance(value, bytes) and any(map(has_blanks, value))


def filled(value: Any, lookup: Lookup) -> Any:
    """`value` with every blank in its texts replaced by what `lookup` answers for its name."""
    if isinstance(value, str):
        return _filled(value, lookup) if "{{" in value else value
    if isinstance(value, Mapping):
        return {key: filled(one, lookup) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(one, lookup) for one in value]
    return value


def _filled(text: str, lookup: Lookup) -> Any:
    whole = _BLANK.fullmatch(text)
    if whole and whole["name"] is not None:
        return lookup(whole["name"])

    def written(found: re.Match[str]) -> str:
        return "{{" if found["name"] is None else spelled(lookup(found["name"]))

    return _BLANK.sub(written, text)


def spelled(value: Any) -> str:
    """`value` within a text: as YAML writes it, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else str(value)
