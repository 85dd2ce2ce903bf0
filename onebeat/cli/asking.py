"""Does a person mean it, and who is it?"""

from __future__ import annotations

import getpass
import os
import socket
import sys

import click

from onebeat.errors import Refused
from onebeat.queue.operators import By

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def somebody_is_there() -> bool:
    """Can a person answer a question?"""
    return sys.stdin.isatty()


def agree(what: str, *, yes: bool) -> None:
    """Return if it is meant: `--yes` was given, or the person at the terminal says so.

    Raises:
        Refused: nobody is there to ask. Abort: they said no.
    """
    if yes:
        return
    if not somebody_is_there():
        raise Refused(f"{what}: to do it without being asked, add --yes")
    click.confirm(f"{what}?", abort=True, err=True)


def by(reason: str) -> By:
    """The person at this command, and why."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        name = f"uid {os.getuid()}"
    return By(f"{name}@{socket.gethostname()}", reason)
