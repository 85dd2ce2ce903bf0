"""Which options do commands share, and what do they open?"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from onebeat.app import App
from onebeat.cli.complain import Switches, verbose_option

FC = TypeVar("FC", bound=Callable[..., Any])

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

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def command(*args: Any, file: str | None, redis: str | None = None, **options: Any) -> Any:
            app = App.open(file, redis=redis)
            try:
                return function(app, *args, **options)
            finally:
                app.close()

        decorated = verbose_option(config_option(command))
        return redis_option(decorated) if redis else decorated

    return decorate


def is_verbose() -> bool:
    """Whether `-v` was given."""
    return click.get_current_context().ensure_object(Switches).verbose


def split_names(_ctx: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...]:
    """`a,b` as its names, each checked; a click callback."""
    from onebeat.keys import checked

    return tuple(checked("queue", name.strip()) for name in text.split(",")) if text else ()


def duration_ms(_ctx: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    """`90s`, `1h30m` in milliseconds; a click callback."""
    from onebeat.durations import parse_ms

    return None if text is None else parse_ms(text)
