"""Which blanks, `{{ … }}`, stand where nothing would fill them in? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from onebeat.config.matrix import Axes, axis_of
from onebeat.config.mistakes import Code, Mistake, did_you_mean, shown
from onebeat.config.place import Place
from onebeat.config.tree import Node, Way, written_way
from onebeat.scheduler.blanks import NAMES, Blank, blanks

_BRACES = 'write {{ "{{" }} for two braces'
_AT_RUN_TIME = ("args", "kwargs")


def misplaced_blanks(place: Place, axes: Axes) -> Iterator[Mistake]:
    """A mistake for each wrong blank of a schedule; its value counts as spoiled."""
    for way, node in place.full.scalars():
        if not isinstance(node.value, str) or "{{" not in node.value or node.spoiled:
            continue
        found = list(blanks(node.value))
        if way == ("singleton", "key"):  # where {{ stands for one brace
            found = [one for one in found if one.name is not None and axis_of(one.name) is not None]
        elif not found and way[0] not in _AT_RUN_TIME:
            found = [Blank(0, len(node.value), "")]
        for blank in found:
            if wrong := _wrong(way, node, blank, axes):
                node.spoiled = True
                start = node.text_column + blank.start if node.text_column else 0
                length = blank.length if start else 0
                path = written_way((*place.way, *way))
                yield node.mistake(Code.BLANK, wrong[0], hint=wrong[1], path=path, start=start, length=length)
                break


def blanks_outside(root: Node) -> Iterator[Mistake]:
    """A mistake for each blank at the top of a file, where there is no run and no matrix."""
    for key, node in root.value.items():
        if key in ("schedules", "defaults", "profiles"):
            continue
        for way, one in node.scalars((key,)):
            if isinstance(one.value, str) and "{{" in one.value and not one.spoiled:
                one.spoiled = True
                message = "{{ is filled in in schedules only"
                yield one.mistake(Code.BLANK, message, hint="write the value itself", path=written_way(way))


def _wrong(way: Way, node: Node, blank: Blank, axes: Axes) -> tuple[str, str] | None:
    """What is wrong with one blank, and how it is mended."""
    name = blank.name
    if name is None:
        return "{{ begins a blank that is not closed", f"close it with }}}}; {_BRACES}"
    axis = axis_of(name)
    if axis is not None:
        return _wrong_axis(node, blank, axis, axes)
    if name in NAMES and way[0] in _AT_RUN_TIME:
        return None
    if way[0] not in _AT_RUN_TIME:
        allowed = ", ".join(f"matrix.{one}" for one in axes)
        known = f"known here: {allowed}" if allowed else "write the value itself"
        return f"{shown(name)} is filled in only in args and kwargs", known
    names = (*NAMES, *(f"matrix.{one}" for one in axes))
    return f"nothing is called {shown(name)} when a run is made", f"{did_you_mean(name, names)}; {_BRACES}"


def _wrong_axis(node: Node, blank: Blank, axis: str, axes: Axes) -> tuple[str, str] | None:
    if axis not in axes:
        hint = did_you_mean(axis, axes) if axes else "add matrix: {name: [value, …]} to the schedule"
        return f"the matrix has no axis {shown(axis)}", hint
    whole = blank.length == len(node.value)
    if not whole and any(isinstance(one.value, (list, dict)) for one in axes[axis].values()):
        return f"the values of {axis} are no text, so they cannot be part of one", "let it be the whole value"
    return None
