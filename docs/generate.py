"""What does the reference say? The tables in the code, as Markdown pages: `make docs` writes them.

python -m docs.generate           write docs/reference/*.md
python -m docs.generate --check   exit with 1 when a page differs from the code
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

import onebeat
from docs.servers import redis, store
from docs.spelling import code, default, kind, option_text, spell_section, summary, table
from onebeat import errors, events
from onebeat.cli.program import COMMANDS, program
from onebeat.config import Code, json_schema
from onebeat.ledger.tables import METADATA
from onebeat.queue.states import MOVES, TERMINAL, State
from onebeat.wire.scripts import Script, Slot, load

FOLDER = Path(__file__).parent / "reference"
PACKAGE = Path(inspect.getfile(onebeat)).parent
NOTE = "<!-- Written by `make docs` from the code: change the code, not this page. -->"


def scripts() -> Iterator[str]:
    """Every Lua script, as its header declares it."""
    yield "# The scripts\n"
    yield "Each is atomic, checks all before its first write, and can be sent again after a lost reply.\n"
    for path in sorted(PACKAGE.glob("*/lua/*.lua")):
        script = load(path.parents[1].name, path.stem)
        yield f"## {script.room}: {script.verb}\n\n{script.purpose[:1].upper()}{script.purpose[1:]}\n"
        yield from slots(script)
        moves = ", ".join(f"`{move}`" for move in script.moves) or "none"
        yield f"Moves: {moves}. Returns: {script.returns}\n"


def slots(script: Script) -> Iterator[str]:
    """KEYS and ARGV of one script."""
    for title, rows in (("KEYS", script.keys), ("ARGV", script.args)):
        if rows:
            yield table((title, "type", "meaning"), [(code(spelled(s)), s.type, s.meaning) for s in rows])


def spelled(slot: Slot) -> str:
    """`ready[4]`, `...rows[id, record]`, `owner`."""
    inside = ", ".join(slot.columns) or (str(slot.size) if slot.size > 1 else "")
    return f"{'...' * slot.rest}{slot.name}{f'[{inside}]' if inside else ''}"


def event_log() -> Iterator[str]:
    """Every event and every reason for which a time is skipped."""
    yield "# The event log\n"
    yield (
        "JSON lines in field `e` of the stream `ob:{ns:queue}:log`; the history is written from them. Each\n"
        "has `event` and `id`; the time is the stream entry's id, Redis milliseconds.\n"
    )
    rows = [(code(r.event), ", ".join(map(code, r.fields)), r.meaning) for r in events.EVENTS]
    yield table(("event", "further fields", "meaning"), rows)
    yield "## Why a nominal time did not run\n"
    source = inspect.getsource(events.SkipReason)
    why = {name: text for name, text in re.findall(r"(\w+) = \"\w+\"  # (.+)", source)}
    yield table(
        ("reason", "meaning"),
        [(code(r), why.get(r.name, "reserved: this version never sets it")) for r in events.SkipReason],
    )


def error_codes() -> Iterator[str]:
    """Every error, its code and the exit code of the command line."""
    yield "# Errors\n"
    yield "`code` is stable, `exit` is what the command line returns. All derive from `OnebeatError`.\n"
    found = sorted(subclasses(errors.OnebeatError), key=lambda kind: (kind.code, kind.__name__))
    rows = [(code(k.code), code(k.__name__), str(k.exit_code), summary(k)) for k in found]
    yield table(("code", "error", "exit", "meaning"), rows)


def mistakes() -> Iterator[str]:
    """Every kind of mistake that a configuration file can have."""
    yield "# Mistakes in configuration files\n"
    yield "`onebeat check` lists all of them at once, each with its place.\n"
    yield table(("code", "severity", "meaning"), [(code(c), c.severity, c.meaning) for c in Code])


def states() -> Iterator[str]:
    """The life of a message, as a diagram and as a table."""
    yield "# The life of a message\n"
    arrows = [
        f"    {start} --> {end}: {move}" for move, (start, end) in MOVES.items() if start is not State.NEW
    ]
    births = [f"    [*] --> {end}: {move}" for move, (start, end) in MOVES.items() if start is State.NEW]
    ends = [f"    {state} --> [*]" for state in State if state in TERMINAL]
    yield "```mermaid\nstateDiagram-v2\n" + "\n".join([*births, *arrows, *ends]) + "\n```\n"
    yield table(("move", "from", "to"), [(code(move), start, end) for move, (start, end) in MOVES.items()])
    yield f"Every message ends in exactly one of: {', '.join(sorted(TERMINAL))}.\n"


def database() -> Iterator[str]:
    """Every table that onebeat keeps in the user's database."""
    yield "# Tables in your database\n"
    yield "Created when they are missing. Times (`…_ms`) are milliseconds since the epoch, UTC.\n"
    for one in METADATA.sorted_tables:
        yield f"## {one.name}\n"
        rows = [
            (code(c.name), str(c.type).lower(), "key" if c.primary_key else "", c.comment or "")
            for c in one.columns
        ]
        yield table(("column", "type", "", "meaning"), rows)


def configuration() -> Iterator[str]:
    """Every key of a configuration file."""
    schema = json_schema()
    yield "# Configuration files\n"
    yield (
        "YAML 1.2. A length of time carries its unit: `250ms`, `90s`, `1h30m`, `2d`, `1w`. `onebeat\n"
        "schema` prints the same as JSON Schema; `config/onebeat.yaml` is an annotated example.\n"
    )
    yield (
        "In values `${VAR}`, `${VAR:-default}` and `${VAR:?why}` stand for variables of the environment,\n"
        "`$$` for a dollar. In `args` and `kwargs` `{{ nominal }}`, `{{ previous }}` and `{{ run_id }}` are\n"
        "filled in when the run is made; `{{ matrix.name }}` stands for a value of the matrix everywhere.\n"
    )
    sections: dict[str, Mapping[str, Any]] = {"File": schema, **schema["$defs"]}
    del sections["Filled"]
    titles = {
        "File": "The file",
        "Defaults": "defaults",
        "Profile": "profiles.<name>",
        "Entry": "schedules.<id>",
    }
    for name in (*titles, *sorted(set(sections) - set(titles))):
        section = sections[name]
        yield f"## {titles.get(name, spell_section(name))}\n\n{section['description']}\n"
        properties: Mapping[str, Any] = section["properties"]
        if name == "Profile":
            continue
        inherited = sections["Defaults"]["properties"].keys() if name == "Entry" else set()
        if inherited:
            yield "Also every key of `defaults`.\n"
        own = {key: value for key, value in properties.items() if key not in inherited}
        works = {key: value for key, value in own.items() if "not" not in value}
        rows = [(code(key), kind(v), default(v), v.get("description", "")) for key, v in works.items()]
        yield table(("key", "value", "default", "meaning"), rows)
        later = [code(key) for key in own if key not in works]
        if later:
            yield f"Part of the language, refused by this version: {', '.join(later)}.\n"


def faults() -> Iterator[str]:
    """Every fault of the matrix, and the test that shows what happens."""
    from tests.faults.matrix import MATRIX, PARTS

    yield "# What can go wrong\n"
    ran = sum(bool(row.test) for row in MATRIX)
    yield (
        f"{len(MATRIX)} faults; {ran} of them are shown by a test in `tests/`. For the others the last\n"
        "column says what is missing. Many at once, for as long as you like: `make chaos MINUTES=30`.\n"
    )
    for letter, part in PARTS.items():
        yield f"## {part}\n"
        rows = [
            (row.id, row.fault, row.injected, row.expected, code(row.test) if row.test else f"no: {row.why}")
            for row in MATRIX
            if row.id.startswith(letter)
        ]
        yield table(("", "fault", "injected by", "what happens", "test"), rows)


def redis_py() -> Iterator[str]:
    """Every behaviour of redis-py's lock, and what the one with its face does."""
    from tests.locks.compat_row import SAME, Verdict
    from tests.locks.compat_rows import ROWS

    rows = [row for part in ROWS.values() for row in part]
    counts = ", ".join(f"{sum(row.verdict is v for row in rows)} {v}" for v in Verdict)
    yield "# redis-py's lock and ours with its face\n"
    yield (
        f"{len(rows)} behaviours of `redis.lock.Lock` and `redis.asyncio.lock.Lock`: {counts}. Each row is\n"
        "run against both, redis-py's and that of `onebeat.locks.compat`, by `tests/locks/test_compat.py`.\n"
        "[How to move](../how-to/redis-py-locks.md).\n"
    )
    for title, part in ROWS.items():
        yield f"## {title[:1].upper()}{title[1:]}\n"
        yield table(
            ("behaviour", "redis-py", "onebeat", ""),
            [
                (
                    row.behaviour,
                    code(row.theirs),
                    "same" if row.ours is SAME else code(row.ours),
                    f"{row.verdict}: {row.why}" if row.why else "",
                )
                for row in part
            ],
        )


def commands() -> Iterator[str]:
    """Every command, its arguments and options."""
    yield "# The command line\n"
    yield table(
        ("command", "purpose"), [(f"[{name}](#onebeat-{name})", r.purpose) for name, r in COMMANDS.items()]
    )
    yield f"{program.epilog}\n"
    context = click.Context(program)
    for name in COMMANDS:
        command = program.get_command(context, name)
        assert command is not None
        yield from about_command(name, command)


def about_command(name: str, command: click.Command) -> Iterator[str]:
    """One command, and those below it."""
    arguments = [p.metavar or p.name or "" for p in command.params if isinstance(p, click.Argument)]
    below = dict(command.commands) if isinstance(command, click.Group) else {}
    words = ["onebeat", name, "[OPTIONS]", *arguments]
    if below and not getattr(command, "invoke_without_command", False):
        words[2:] = ["|".join(below)]
    yield f"## onebeat {name}\n\n`{' '.join(words)}`\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    if options:
        yield table(("option", "meaning"), [(code(option_text(p)), p.help or "") for p in options])
    for word, one in below.items():
        yield from about_command(f"{name} {word}", one)


def subclasses(base: type[Any]) -> set[type[Any]]:
    """All public subclasses, those of every module of the package too."""
    for module in pkgutil.walk_packages(onebeat.__path__, "onebeat."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, look = set[type[Any]](), [base]
    while look:
        look += (below := look.pop().__subclasses__())
        found |= {one for one in below if one.__module__.startswith("onebeat") and one.__name__[0] != "_"}
    return found


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "cli": commands,
    "configuration": configuration,
    "database": database,
    "errors": error_codes,
    "events": event_log,
    "faults": faults,
    "mistakes": mistakes,
    "redis": redis,
    "redis-py": redis_py,
    "scripts": scripts,
    "states": states,
    "store": store,
}


def page(name: str) -> str:
    """The whole text of `docs/reference/<name>.md`."""
    return "\n".join([NOTE, *PAGES[name]()]).rstrip() + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or tell which differ."""
    check = list(arguments) == ["--check"]
    FOLDER.mkdir(exist_ok=True)
    stale = []
    for name in PAGES:
        path, text = FOLDER / f"{name}.md", page(name)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if not check:
                path.write_text(text, encoding="utf-8")
    print(f"{'differ' if check else 'written'}: {', '.join(stale) or 'none'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
