"""When does a cron schedule fire?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from onebeat.errors import ConfigError
from onebeat.scheduler.cron_fields import read_cron
from onebeat.scheduler.cron_zone import FOLDS, GAPS, ZonedRule
from onebeat.scheduler.instants import floor_ms
from onebeat.scheduler.trigger import PureTrigger
from onebeat.scheduler.zones import load_zone

_HASH = re.compile(r"(?<![a-z])h(?![a-z])", re.IGNORECASE)


class CronTrigger(PureTrigger):
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

    __slots__ = ("_zoned", "dst_fold", "dst_gap", "expr", "key", "timezone")

    def __init__(
        self,
        expr: str,
        timezone: str = "UTC",
        *,
        dst_gap: str = "run-after",
        dst_fold: str = "first",
        key: str | None = None,
    ) -> None:
        for name, word, words in (("dst_gap", dst_gap, GAPS), ("dst_fold", dst_fold, FOLDS)):
            if word not in words:
                raise ConfigError(f"{name}={word!r} is unknown: write one of {', '.join(words)}")
        self.expr, self.timezone = expr, timezone
        self.dst_gap, self.dst_fold = dst_gap, dst_fold
        self.key = key if _HASH.search(expr) else None
        self._zoned = ZonedRule(read_cron(expr, self.key), load_zone(timezone), dst_gap, dst_fold)

    def next(self, after: datetime) -> datetime | None:
        return self._on_clock(self._zoned.next_s(floor_ms(after) // 1000))

    def prev(self, before: datetime) -> datetime | None:
        floor_s, rest_ms = divmod(floor_ms(before), 1000)
        exact = rest_ms == 0 and before.microsecond == 0
        return self._on_clock(self._zoned.prev_s(floor_s if exact else floor_s + 1))

    def _on_clock(self, utc_s: int | None) -> datetime | None:
        return None if utc_s is None else datetime.fromtimestamp(utc_s, self._zoned.zone.zone)

    def _arguments(self) -> Mapping[str, Any]:
        return {
            "expr": self.expr,
            "timezone": self.timezone,
            "dst_gap": self.dst_gap,
            "dst_fold": self.dst_fold,
            "key": self.key,
        }

    def __str__(self) -> str:
        gap = "" if self.dst_gap == GAPS[0] else f", gap: {self.dst_gap}"
        fold = "" if self.dst_fold == FOLDS[0] else f", fold: {self.dst_fold}"
        return f'cron "{self.expr}" in {self.timezone}{gap}{fold}'


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
