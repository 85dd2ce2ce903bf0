"""How does a command answer? Data on stdout (a table, plain when piped, or JSON), all else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import click

T = TypeVar("T")
_GAP = "  "
_STYLES = {
    "done": "green",
    "ok": "green",
    "dead": "red",
    "problem": "red",
    "retrying": "yellow",
    "warning": "yellow",
    "skipped": "dim",
    "expired": "dim",
}


@dataclass(frozen=True)
class Column(Generic[T]):
    """One column of a table: its title and what stands there for a row; numbers are aligned `right`."""

    title: str
    text: Callable[[T], object]
    right: bool = False


def note(text: str) -> None:
    """Say something that is not the answer."""
    click.echo(f"onebeat: {one_line(text)}", err=True)


def print_json(schema: str, **content: object) -> None:
    """The answer as an object whose first member names its shape: `onebeat.runs/1`."""
    click.echo(json.dumps({"schema": schema, **content}, indent=2))


def print_rows(
    schema: str,
    rows: Sequence[T],
    *,
    as_json: bool,
    record: Callable[[T], Mapping[str, object]],
    columns: Sequence[Column[T]],
    empty: str,
) -> None:
    """A list: JSON with the `record` of each row as `items`, or a table; `empty` is said of no rows."""
    if as_json:
        print_json(schema, items=[record(row) for row in rows])
    elif not rows:
        note(empty)
    else:
        print_table(rows, columns)


def print_table(rows: Iterable[T], columns: Sequence[Column[T]]) -> None:
    """A table: rich on a terminal, else columns of text."""
    cells = [[one_line(column.text(row)) for column in columns] for row in rows]
    if sys.stdout.isatty():
        _print_rich(cells, columns)
        return
    lines = [[column.title for column in columns], *cells]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        padded = [
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        ]
        click.echo(_GAP.join(padded).rstrip())


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Names and values, one pair in a line; pairs without a value are left out."""
    shown = [(name, one_line(value)) for name, value in facts if value not in (None, "", ())]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name:<{width}}{_GAP}{value}")


def counted(number: int, word: str) -> str:
    """`1 schedule`, `2 schedules`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def one_line(value: object) -> str:
    """`value` on one line, `-` when there is none, without characters that could steer a terminal."""
    text = "-" if value is None or value == "" else " ".join(str(value).split())
    return "".join(char if char.isprintable() else "�" for char in text)


class Bar(Protocol):
    """How far long work has come."""

    def update(self, n_steps: int) -> None: ...


class _Silent:
    def update(self, n_steps: int) -> None:
        """Nobody looks."""


@contextmanager
def progress(label: str, total: int) -> Iterator[Bar]:
    """A bar, where somebody can see it."""
    if not sys.stderr.isatty():
        yield _Silent()
        return
    with click.progressbar(length=total, label=label, show_pos=True, file=sys.stderr) as bar:
        yield bar


def _print_rich(cells: Sequence[Sequence[str]], columns: Sequence[Column[T]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.title, justify="right" if column.right else "left", overflow="fold")
    for line in cells:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in line))
    Console().print(table)
