"""Is what several scripts say the same in all of them? Two copies drift apart."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from tests.house.sources import PACKAGE, lua_files, lua_parts, place

NAMED = re.compile(r"local function (\w+)\(")


def functions(text: str) -> dict[str, str]:
    """The functions of a script by their names, as they are written: on one line, or down to their `end`."""
    found: dict[str, str] = {}
    open_: str | None = None
    for line in text.splitlines():
        if named := NAMED.match(line):
            open_, found[named[1]] = named[1], ""
        if open_ is not None:
            found[open_] += line
            if line == "end" or (named and line.endswith(" end")):
                open_ = None
    return found


def differing(scripts: dict[str, str]) -> list[str]:
    """What has one name and several texts, with where it stands."""
    texts: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, text in scripts.items():
        for function, written in functions(text).items():
            texts[function][written].append(name)
    return [f"{name}: {sorted(places.values())}" for name, places in texts.items() if len(places) > 1]


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def test_functions_of_one_name_are_the_same_in_every_script_of_a_room() -> None:
    files = [*lua_files(), *lua_parts()]
    for one in {room(path) for path in files}:
        scripts = {place(path): path.read_text(encoding="utf-8") for path in files if room(path) == one}
        assert differing(scripts) == []


def test_a_copy_that_drifted_is_named() -> None:
    same = "local function over(s)\n  if s then\n    return 1\n  end\nend\n"
    short = "local function f(x) return x end\n"
    assert set(functions(short + same)) == {"f", "over"}
    assert differing({"a": short + same, "b": same}) == []
    assert differing({"a": same, "b": same.replace("1", "2")}) == ["over: [['a'], ['b']]"]
