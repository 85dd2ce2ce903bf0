"""When does a cron schedule fire?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from onebeat.scheduler.cron_fields import read_cron
from onebeat.scheduler.wall import WallTrigger

_HASH = re.compile(r"(?<![a-z])h(?![a-z])", re.IGNORECASE)


class CronTrigger(WallTrigger):
    """`expr` on the clocks of `timezone` (an IANA name).

    Five fields, six with seconds first, `@hourly` … `@yearly`; names, `L`, `L-3`, `15W`, `LW`, `5L`,
    `mon#2`, `?`, and `H`, which draws from `key` (the schedule's id). Days match by number or weekday,
    unless either field starts with `*`, then by both (Vixie). `dst_gap` (`run-after`, `skip`) and
    `dst_fold` (`first`, `second`, `both`) say what a fixed time does when the clocks jump over it or show
    it twice; schedules with `*` first in their minute or hour follow the clock (`cron_zone.py`).

    Raises:
        InvalidCron: with the field, the column and how to mend it.
        InvalidZone: `timezone` is not in the IANA list.
        ConfigError: another word for `dst_gap` or `dst_fold`.
    """

    __slots__ = ("either_day", "expr", "key")

    def __init__(
        self,
        expr: str,
        timezone: str = "UTC",
        *,
        dst_gap: str = "run-after",
        dst_fold: str = "first",
        key: str | None = None,
    ) -> None:
        self.expr = expr
        self.key = key if _HASH.search(expr) else None
        rule = read_cron(expr, self.key)
        self.either_day = rule.either
        super().__init__(rule, timezone, dst_gap, dst_fold)

    def _arguments(self) -> Mapping[str, Any]:
        return {
            "expr": self.expr,
            "timezone": self.timezone,
            "dst_gap": self.dst_gap,
            "dst_fold": self.dst_fold,
            "key": self.key,
        }

    def __str__(self) -> str:
        return f'cron "{self.expr}" in {self.timezone}{self.dst_text()}'


def compile_cron(
    expr: str,
    timezone: str = "UTC",
    *,
    dst_gap: str = "run-after",
    dst_fold: str = "first",
    key: str | None = None,
) -> CronTrigger:
    """A `CronTrigger` that every schedule with the same rule shares. Raises as `CronTrigger`."""
    return _compiled(expr, timezone, dst_gap, dst_fold, key if _HASH.search(expr) else None)


@lru_cache(maxsize=65_536)
def _compiled(expr: str, timezone: str, gap: str, fold: str, key: str | None) -> CronTrigger:
    return CronTrigger(expr, timezone, dst_gap=gap, dst_fold=fold, key=key)
