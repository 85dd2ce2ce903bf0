"""What does a command with commands below it do when none of them is named?"""

from __future__ import annotations

import click

_SWITCHES = ("-v", "--verbose")


class Family(click.Group):
    """A group that is a command, too: `onebeat dead` and `onebeat dead QUEUE` are `onebeat dead list …`.

    Its usual command is the one that was added first.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = [word for word in args if word not in _SWITCHES]
        asks = words[:1] and words[0] in (*self.commands, *ctx.help_option_names)
        return super().parse_args(ctx, args if asks else [next(iter(self.commands)), *args])
