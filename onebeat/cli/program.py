"""Which commands are there, and where does each live?

A command's module is imported when the command is used: `onebeat --help` reads only this table.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

import click

from onebeat.cli.complain import USAGE, Switches, complain, verbose_option


class Row(NamedTuple):
    """One command: its section, its module in `onebeat.cli`, the function's name there, its purpose."""

    section: str
    module: str
    function: str
    purpose: str


COMMANDS: dict[str, Row] = {
    "up": Row("Run", "up", "up", "Run a private store, a beat and a worker in this terminal."),
    "beat": Row("Run", "services", "beat", "Queue the fires of the configured schedules."),
    "worker": Row("Run", "services", "worker", "Run the queued tasks."),
    "check": Row("Check", "check", "check", "List every mistake in configuration files."),
    "next": Row("Check", "coming", "coming", "Show when schedules, or a cron expression, fire next."),
    "doctor": Row("Check", "doctor", "doctor", "Look for what keeps schedules from running."),
    "schema": Row("Check", "check", "schema", "Print the JSON Schema of configuration files."),
    "list": Row("Look", "schedules", "list_", "List the schedules."),
    "show": Row("Look", "schedules", "show", "Show one schedule, its next fires and its last runs."),
    "runs": Row("Look", "runs", "runs", "List what ran, the newest first."),
    "run": Row("Look", "runs", "run", "Show one run, or one dead letter."),
    "result": Row("Look", "result", "result", "Print what a call returned."),
    "groups": Row("Look", "groups", "groups", "List the groups that are open."),
    "workers": Row("Look", "places", "workers", "List the workers."),
    "queues": Row("Look", "places", "queues", "List the queues and how full they are."),
    "locks": Row("Look", "locks", "locks", "List the locks that are held."),
    "dead": Row("Look", "letters", "dead", "List dead letters, run them again, or throw them away."),
    "trigger": Row("Act", "acts", "trigger", "Run a schedule now."),
    "backfill": Row("Act", "backfill", "backfill", "Run past times of a schedule that did not run."),
    "pause": Row("Act", "control", "pause", "Skip the fires of a schedule until it is resumed."),
    "resume": Row("Act", "control", "resume", "Let a paused schedule fire again."),
    "cancel": Row("Act", "control", "cancel", "End a run, or a message that has not begun."),
    "queue": Row("Act", "queues", "queue", "Pause, drain or empty one queue, or look into it."),
    "enqueue": Row("Act", "acts", "enqueue", "Queue one call of a task."),
    "lock": Row("Act", "locks", "lock", "Show or release one lock, or run a command under it."),
    "plan": Row("Admin", "plan", "plan", "Show what the configuration would change."),
    "diff": Row("Admin", "plan", "diff", "Show field by field what the configuration would change."),
    "apply": Row(
        "Admin", "plan", "apply", "Say that a configuration is meant, and wait until a beat runs it."
    ),
    "prune": Row("Admin", "plan", "prune", "Forget schedules that are not declared any more."),
    "version": Row("Admin", "version", "version", "Print the version."),
}


class Program(click.Group):
    """The table as a click group; every failure leaves through `complain`."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> NoReturn:
        """Run one command and exit with its code."""
        switches = Switches()
        extra.update(standalone_mode=False, obj=switches)
        try:
            code = super().main(args, *rest, **extra)
        except BaseException as problem:  # whatever ends a command becomes one line and an exit code
            code = complain(problem, verbose=switches.verbose)
        raise SystemExit(code if isinstance(code, int) else 0)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        command = getattr(import_module(f"onebeat.cli.{row.module}"), row.function)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = get_close_matches(args[0], COMMANDS, n=1)
            mend = f"did you mean '{close[0]}'?" if close else "'onebeat --help' lists them"
            raise click.UsageError(f"there is no command {args[0]!r}: {mend}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in dict.fromkeys(row.section for row in COMMANDS.values()):
            with formatter.section(section):
                formatter.write_dl(
                    [(name, row.purpose) for name, row in COMMANDS.items() if row.section == section]
                )


@click.group(
    cls=Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Settings: an option, else ONEBEAT_CONFIG, ONEBEAT_REDIS_URL, ONEBEAT_DB_URL, ONEBEAT_NAMESPACE, "
    "else the configuration file, else a default; 'onebeat doctor --config' shows which.",
)
@click.option(
    "--version", "shown", is_flag=True, is_eager=True, expose_value=False, callback=lambda *a: _version(*a)
)
@verbose_option
@click.pass_context
def program(ctx: click.Context) -> None:
    """Cron for distributed Python in which every scheduled time happens once."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(USAGE)


def _version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from onebeat import __version__

        click.echo(f"onebeat {__version__}")
        ctx.exit()
