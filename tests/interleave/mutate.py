"""How does a seeded bug get into the code that runs? For a while, and back again."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from onebeat.wire import Script
from onebeat.wire.scripts import expanded
from tests.interleave.mutants import Mutant

ROOT = Path(__file__).resolve().parents[2]


def patched_text(mutant: Mutant) -> str:
    """The file of `mutant` with its bug.

    Raises:
        ValueError: an old text does not stand there exactly once.
    """
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    for old, new in mutant.edits:
        if text.count(old) != 1:
            raise ValueError(f"{mutant.name}: {old!r} stands {text.count(old)} times in {mutant.file}")
        text = text.replace(old, new)
    return text


@contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """Inside, the code of this interpreter has the bug."""
    text = patched_text(mutant)
    with ExitStack() as undo:
        if "/lua/parts/" in mutant.file:
            _patch_part(mutant, text, undo)
        elif mutant.file.endswith(".lua"):
            _patch_script(mutant, text, undo)
        else:
            _patch_module(mutant, text, undo)
        yield


def _patch_script(mutant: Mutant, text: str, undo: ExitStack) -> None:
    room, _, name = mutant.file.removeprefix("onebeat/").split("/")
    verb = name.removesuffix(".lua")
    found = [
        one for one in gc.get_objects() if isinstance(one, Script) and (one.room, one.verb) == (room, verb)
    ]
    if not found:
        raise ValueError(f"{mutant.name}: no loaded script comes from {mutant.file}")
    for script in found:
        undo.callback(_set_text, script, script.text)
        _set_text(script, expanded(room, text))


def _patch_part(mutant: Mutant, text: str, undo: ExitStack) -> None:
    part = (ROOT / mutant.file).read_text(encoding="utf-8")
    found = [one for one in gc.get_objects() if isinstance(one, Script) and part in one.text]
    if not found:
        raise ValueError(f"{mutant.name}: no loaded script includes {mutant.file}")
    for script in found:
        undo.callback(_set_text, script, script.text)
        _set_text(script, script.text.replace(part, text))


def _set_text(script: Script, text: str) -> None:
    object.__setattr__(script, "text", text)
    script.__dict__.pop("sha", None)


def _patch_module(mutant: Mutant, text: str, undo: ExitStack) -> None:
    """Functions keep their identity, so that everybody who imported one runs the other code."""
    name = mutant.file.removesuffix(".py").replace("/", ".")
    module = importlib.import_module(name)
    other = ModuleType(name)
    other.__file__ = module.__file__
    sys.modules[name] = other  # dataclasses look their module up
    try:
        exec(compile(text, str(module.__file__), "exec"), other.__dict__)
    finally:
        sys.modules[name] = module
    changed = 0
    for path, function in _functions(module, name):
        twin = _follow(other, path)
        if not _alike(function.__code__, twin.__code__):
            undo.callback(setattr, function, "__code__", function.__code__)
            function.__code__ = twin.__code__
            changed += 1
    if not changed:
        raise ValueError(f"{mutant.name}: no function of {mutant.file} changed")


def _functions(owner: Any, module: str) -> Iterator[tuple[tuple[str, ...], FunctionType]]:
    for name, value in list(vars(owner).items()):
        value = getattr(value, "__func__", value)
        if isinstance(value, property):
            value = value.fget
        if isinstance(value, FunctionType) and value.__module__ == module:
            yield (name,), value
        elif isinstance(value, type) and value.__module__ == module:
            for path, function in _functions(value, module):
                yield (name, *path), function


def _follow(owner: Any, path: tuple[str, ...]) -> FunctionType:
    for name in path:
        owner = vars(owner)[name]
    found = getattr(owner, "__func__", owner)
    function = found.fget if isinstance(found, property) else found
    assert isinstance(function, FunctionType)
    return function


def _alike(one: CodeType, two: CodeType) -> bool:
    """The same but for line numbers."""
    if one.co_code != two.co_code or one.co_names != two.co_names or len(one.co_consts) != len(two.co_consts):
        return False
    return all(
        _alike(a, b) if isinstance(a, CodeType) and isinstance(b, CodeType) else a == b
        for a, b in zip(one.co_consts, two.co_consts, strict=True)
    )
