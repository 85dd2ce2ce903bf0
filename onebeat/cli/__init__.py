"""What does the `onebeat` command do? The command line; one file per family of commands."""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> None:
    """The entry point of the console script; ends the process with an exit code of `complain.py`."""
    from onebeat.cli.program import program

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a name ends nothing
    program(prog_name="onebeat")
