"""What is wrong with configuration files? And what may they say, for editors?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from onebeat.app import App
from onebeat.cli.complain import USAGE, verbose_option
from onebeat.cli.options import opens
from onebeat.cli.output import counted, note, print_json
from onebeat.config import Mistake, as_github, as_json, as_text, joined, json_schema, read_files
from onebeat.errors import ConfigError


@click.command()
@click.argument("files", metavar="[FILES]...", nargs=-1, type=click.Path())
@click.option(
    "--format", "style", type=click.Choice(["text", "json", "github"]), default="text", show_default=True
)
@click.option("--json", "style", flag_value="json", help="The same as --format json.")
@click.option("--no-import", is_flag=True, help="Do not import the modules that should register the tasks.")
@opens(redis=False)
def check(app: App, files: Sequence[str], style: str, no_import: bool) -> int:
    """List every mistake in configuration files; exit code 2 when there is one.

    Warnings are allowed. Whether each task exists is seen by importing the modules, as a worker does.
    """
    if not files and app.config is None:
        raise ConfigError("nothing to check: name FILES, or give -c FILE or ONEBEAT_CONFIG")
    paths = [Path(name) for name in files] or [app.config or Path()]
    readings = read_files(paths, app.environ)
    loaded = joined(readings)
    found = [*loaded.mistakes, *loaded.warnings]
    if not no_import and not loaded.mistakes:
        from onebeat.cli.importable import missing_tasks

        found += missing_tasks(app, readings)
    _print(found, style)
    if style == "text" and not found:
        note(f"{counted(len(loaded.schedules), 'schedule')} in {counted(len(readings), 'file')}")
    return USAGE if loaded.mistakes else 0


def _print(found: Sequence[Mistake], style: str) -> None:
    if style == "json":
        print_json("onebeat.mistakes/1", items=json.loads(as_json(found)))
    elif style == "text":
        click.echo(as_text(found))
    elif found:
        click.echo(as_github(found))


@click.command()
@click.option(
    "--write", "path", metavar="FILE", type=click.Path(path_type=Path), help="Write it there instead."
)
@click.option("--json", is_flag=True, expose_value=False, help="It always is JSON.")
@verbose_option
def schema(path: Path | None) -> None:
    """Print the JSON Schema of configuration files, with which editors complete and check them.

    For editors that speak YAML, begin the file with: # yaml-language-server: $schema=FILE
    """
    text = json.dumps(json_schema(), indent=2)
    if path is None:
        click.echo(text)
        return
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as problem:
        raise ConfigError(f"{path} cannot be written ({problem.strerror}): name a file that can") from None
    note(f"wrote {path}")
