"""How does a command fail? One line on stderr that says what, where and how to mend it, and a code.

Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 not found, 4 refused, 5 store unreachable, 6 wait
timed out, 7 awaited run failed (each error class brings its own), 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from onebeat.errors import ConfigError, OnebeatError

F = TypeVar("F")
FAILED, USAGE, INTERRUPTED = 1, ConfigError.exit_code, 130


@dataclass
class Switches:
    """What the options that every command has were set to."""

    verbose: bool = False


def _set_verbose(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        ctx.ensure_object(Switches).verbose = True


verbose_option = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=_set_verbose,
    help="Tell more; show tracebacks.",
)


def complain(problem: BaseException, *, verbose: bool) -> int:
    """Tell people about `problem`; the exit code."""
    if isinstance(problem, (KeyboardInterrupt, click.exceptions.Abort)):
        return INTERRUPTED
    if isinstance(problem, SystemExit):
        return problem.code if isinstance(problem.code, int) else FAILED
    if isinstance(problem, BrokenPipeError):  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if verbose:
        click.echo("".join(traceback.format_exception(problem)), err=True, nl=False)
    text, code = told(problem)
    click.echo(f"onebeat: {text}", err=True)
    return code


def told(problem: BaseException) -> tuple[str, int]:
    """What is said about `problem`, and the exit code for it."""
    if isinstance(problem, OnebeatError):
        text = str(problem)
        if "\n" in text:  # a list of mistakes
            return f"nothing was done [{problem.code}]\n{text}", problem.exit_code
        return f"{text} [{problem.code}]", problem.exit_code
    if isinstance(problem, click.UsageError):
        where = f" ({problem.ctx.command_path} --help)" if problem.ctx else ""
        return f"{problem.format_message()}{where} [{ConfigError.code}]", USAGE
    if isinstance(problem, click.ClickException):
        return f"{problem.format_message()} [{ConfigError.code}]", problem.exit_code
    if type(problem).__module__.partition(".")[0] == "sqlalchemy":
        return _about_database(problem), FAILED
    words = f"{type(problem).__name__}: {problem}".splitlines()
    return f"{words[0]}: this is not expected, -v shows where it comes from [{OnebeatError.code}]", FAILED


def _about_database(problem: Any) -> str:
    """The driver's own words, without the statement that SQLAlchemy shows around them."""
    words = str(getattr(problem, "orig", None) or problem).strip().splitlines() or [type(problem).__name__]
    mend = "is it reachable and writable? 'onebeat doctor --config' shows which one is meant"
    return f"the database failed ({words[0]}): {mend} [{OnebeatError.code}]"
