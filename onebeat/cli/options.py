"""Which options do commands share, and what do they open?"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click

from onebeat.app import App
from onebeat.cli.complain import Switches, verbose_option
from onebeat.errors import ConfigError

FC = TypeVar("FC", bound=Callable[..., Any])

APP = "ONEBEAT_APP"
_CONFIG_HELP = "Configuration [ONEBEAT_CONFIG, else onebeat.yaml in this folder]."
redis_option = click.option(
    "--redis", metavar="URL", help="Store [ONEBEAT_REDIS_URL, else the file's, else a running 'onebeat up']."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def opens(
    *, redis: bool = True, config: tuple[str, ...] = ("-c", "--config")
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A command whose first argument is the `App` of `-c` and, with `redis`, `--redis`."""
    config_option = click.option("file", *config, metavar="FILE", help=_CONFIG_HELP)
    app_option = click.option(
        "--app", "named", metavar="MODULE:NAME", help=f"The App of a program, with its schedules [{APP}]."
    )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def command(
            *args: Any, file: str | None, named: str | None, redis: str | None = None, **options: Any
        ) -> Any:
            app = opened(file, redis, named or os.environ.get(APP))
            try:
                return function(app, *args, **options)
            finally:
                app.close()

        decorated = verbose_option(app_option(config_option(command)))
        return redis_option(decorated) if redis else decorated

    return decorate


def opened(file: str | None, redis: str | None, named: str | None) -> App:
    """The app that a program has under this name, `module:name`; without a name that of the file.

    Raises:
        ConfigError: the module cannot be imported, or has no App of this name.
    """
    if not named:
        return App.open(file, redis=redis)
    module, _, name = named.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(import_module(module), name or "app", None)
    except ImportError as problem:
        raise ConfigError(
            f"--app {named}: module {module!r} cannot be imported ({problem}): is it installed, "
            "or its folder on PYTHONPATH?"
        ) from problem
    if not isinstance(found, App):
        raise ConfigError(
            f"--app {named}: {module} has no App called {name or 'app'!r}: write app = App.open()"
        )
    config = App.open(file).config if file else found.config
    environ = {**found.environ, APP: named}
    return replace(found, config=config, redis=redis or found.redis, environ=environ)


def is_verbose() -> bool:
    """Whether `-v` was given."""
    return click.get_current_context().ensure_object(Switches).verbose


def split_names(_ctx: click.Context, _option: click.Parameter, texts: Sequence[str]) -> tuple[str, ...]:
    """`a,b` and `c` as their names, each checked, once and in their order; a click callback."""
    from onebeat.keys import checked

    names = [checked("queue", name.strip()) for text in texts for name in text.split(",")]
    return tuple(dict.fromkeys(names))


def duration_ms(_ctx: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    """`90s`, `1h30m` in milliseconds; a click callback."""
    from onebeat.durations import parse_ms

    return None if text is None else parse_ms(text)
