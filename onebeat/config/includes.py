"""Which files does a file include?

Patterns are relative to the file that has them. A folder's hidden files are not matched, so that of a
mounted Kubernetes ConfigMap each file is read once.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from onebeat.config.mistakes import Code, Mistake
from onebeat.config.tree import Node

FILES_MAX = 1_000  # of one configuration
_SUFFIXES = (".yaml", ".yml")


def included(pattern: str, folder: Path) -> list[Path]:
    """The files that `pattern` names below `folder`, by name."""
    found = glob.glob(pattern, root_dir=folder, recursive=True)
    return [Path(os.path.normpath(folder / name)) for name in sorted(found)]


def include_mistakes(node: Node, folder: Path, place: int) -> Iterator[Mistake]:
    """What is wrong with the pattern in `node`, the entry `place` of its list."""
    pattern, path = str(node.value), f"include[{place}]"
    if PurePath(pattern).is_absolute() or not pattern.endswith(_SUFFIXES) or "\0" in pattern:
        message = f"{pattern[:60]!r} is not a pattern of YAML files beside this one"
        hint = "write it relative to this file, with its ending: schedules/*.yaml"
        yield node.mistake(Code.INCLUDE, message, hint=hint, path=path)
    elif not glob.has_magic(pattern) and not (folder / pattern).is_file():
        message = f"the included file {pattern[:60]} is not there"
        yield node.mistake(Code.INCLUDE, message, hint="paths are relative to this file", path=path)


def nothing_included(node: Node, place: int) -> Mistake:
    """The warning for a pattern without files."""
    hint = "is it mounted, or misspelt?"
    message = f"no file matches {str(node.value)[:60]}"
    return node.mistake(Code.NO_FILES, message, hint=hint, path=f"include[{place}]")
