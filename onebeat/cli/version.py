"""Which onebeat is this?"""

from __future__ import annotations

import platform

import click

from onebeat import __version__
from onebeat.cli.complain import verbose_option
from onebeat.cli.options import json_option
from onebeat.cli.output import print_json


@click.command()
@json_option
@verbose_option
def version(as_json: bool) -> None:
    """Print the version."""
    if as_json:
        print_json("onebeat.version/1", onebeat=__version__, python=platform.python_version())
    else:
        click.echo(f"onebeat {__version__}")
