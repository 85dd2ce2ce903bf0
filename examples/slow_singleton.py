"""What happens to a task that takes longer than its period? The lock is held, so the time is skipped.

`onebeat runs slow` lists the skipped times with their reason.
"""

from __future__ import annotations

import time

from onebeat import Context, singleton, task

TAKES_S = 3.0


@task
@singleton(key="slow")
def slow(ctx: Context) -> None:
    """Work for three seconds; stops early when its worker is told to stop."""
    end_s = time.monotonic() + TAKES_S
    while time.monotonic() < end_s and not ctx.shutting_down:
        time.sleep(0.1)
