"""Why does nothing run? One look at every part, and at where each setting comes from."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version as version_of

import click

from onebeat import __version__
from onebeat.app import App
from onebeat.cli.checkup import Finding, Verdict, examine_all
from onebeat.cli.complain import FAILED
from onebeat.cli.options import json_option, opens
from onebeat.cli.output import Column, print_json, print_rows, print_table
from onebeat.errors import ConfigError
from onebeat.queue.signing import FILE, KEYS
from onebeat.wire.locate import Found
from onebeat.wire.urls import without_secret

_LIBRARIES = ("redis", "sqlalchemy", "apscheduler", "croniter", "pydantic", "msgspec", "click")
_COLUMNS: tuple[Column[Finding], ...] = (
    Column("PART", lambda one: one.part),
    Column("STATE", lambda one: one.verdict.value),
    Column("FOUND", lambda one: f"{one.text}: {one.mend}" if one.mend else one.text),
)


@click.command()
@click.option("--config", "settings", is_flag=True, help="Show each setting and where it comes from instead.")
@json_option
@opens(config=("-c",))
def doctor(app: App, settings: bool, as_json: bool) -> int:
    """Look for what keeps schedules from running; exit code 1 when there is a problem."""
    if settings:
        _print_settings(app, as_json)
        return 0
    found = examine_all(app)
    ill = any(one.verdict is Verdict.PROBLEM for one in found)
    if as_json:
        findings = [
            {"part": one.part, "verdict": one.verdict.value, "text": one.text, "mend": one.mend or None}
            for one in found
        ]
        print_json("onebeat.doctor/1", healthy=not ill, versions=_versions(), items=findings)
    else:
        print_table(found, _COLUMNS)
        click.echo("\n" + "  ".join(f"{name} {number}" for name, number in _versions().items()))
    return FAILED if ill else 0


def _versions() -> dict[str, str]:
    known = {"onebeat": __version__, "python": platform.python_version()}
    return known | {name: version_of(name) for name in _LIBRARIES}


def _print_settings(app: App, as_json: bool) -> None:
    rows = [("configuration", _config_file(app)), ("store", _store(app))]
    rows += [("database", app.database_url), ("namespace", app.namespace), ("signing", _signing(app))]
    if app.config is not None:
        rows.append(("timezone", Found(app.loaded.settings.timezone, str(app.config))))
    print_rows(
        "onebeat.settings/1",
        rows,
        as_json=as_json,
        record=lambda row: {
            "name": row[0],
            "value": without_secret(row[1].value) or None,
            "source": row[1].source,
        },
        columns=[
            Column("SETTING", lambda row: row[0]),
            Column("VALUE", lambda row: without_secret(row[1].value)),
            Column("SOURCE", lambda row: row[1].source),
        ],
        empty="",
    )


def _config_file(app: App) -> Found:
    if app.config is None:
        return Found("", "none was found")
    if click.get_current_context().params.get("file"):
        return Found(str(app.config), "-c")
    named = app.environ.get("ONEBEAT_CONFIG")
    return Found(str(app.config), "ONEBEAT_CONFIG" if named else f"found in {app.folder}{os.sep}")


def _signing(app: App) -> Found:
    """How many keys there are; never one of them."""
    source = next((name for name in (KEYS, FILE) if app.environ.get(name)), "default")
    if not app.ring:
        return Found("off", source)
    keys = "1 key" if len(app.ring) == 1 else f"{len(app.ring)} keys"
    return Found(f"{keys}, unsigned messages pass" if app.ring.unsigned_passes else keys, source)


def _store(app: App) -> Found:
    try:
        return app.redis_url
    except ConfigError as problem:
        return Found("", str(problem))
