"""What do the triggers share whose times are readings of the clock on the wall?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from onebeat.errors import ConfigError
from onebeat.scheduler.cron_zone import FOLDS, GAPS, WallRule, ZonedRule
from onebeat.scheduler.instants import floor_s
from onebeat.scheduler.trigger import PureTrigger
from onebeat.scheduler.zones import load_zone

_DECADES_S = (1_735_689_600, 2_051_222_400)  # 2025 to 2034
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of a clock on the wall


class WallTrigger(PureTrigger):
    """A rule of wall times on the clocks of `timezone`.

    `dst_gap` (`run-after`, `skip`) and `dst_fold` (`first`, `second`, `both`) say what a fixed time does
    when the clocks jump over it or show it twice (`cron_zone.py`).

    Raises:
        InvalidZone: `timezone` is not in the IANA list.
        ConfigError: another word for `dst_gap` or `dst_fold`.
    """

    __slots__ = ("_zoned", "dst_fold", "dst_gap", "timezone")

    def __init__(self, rule: WallRule, timezone: str, dst_gap: str, dst_fold: str) -> None:
        for name, word, words in (("dst_gap", dst_gap, GAPS), ("dst_fold", dst_fold, FOLDS)):
            if word not in words:
                raise ConfigError(f"{name}={word!r} is unknown: write one of {', '.join(words)}")
        self.timezone, self.dst_gap, self.dst_fold = timezone, dst_gap, dst_fold
        self._zoned = ZonedRule(rule, load_zone(timezone), dst_gap, dst_fold)

    def next(self, after: datetime) -> datetime | None:
        return self._on_clock(self._zoned.next_s(floor_s(after)))

    def prev(self, before: datetime) -> datetime | None:
        return self._on_clock(self._zoned.prev_s(floor_s(before) + (before.microsecond > 0)))

    @property
    def wildcard(self) -> bool:
        """Does it follow the clocks through every change, instead of firing once per named time?"""
        return self._zoned.rule.wildcard

    @property
    def clocks_change(self) -> bool:
        """Do the clocks of its zone change in this decade or the next, as far as it is known?"""
        return self._zoned.zone.changes_between(_DECADES_S)

    def met_by_changes(self, after: datetime, before: datetime) -> Iterator[tuple[datetime, timedelta]]:
        """The first time of the rule in each jump (> 0) or repetition (< 0) of the clocks, and its length.

        None for a rule that follows the clocks. The times are readings of the wall clock, without a zone.
        """
        for wall_s, shift_s in self._zoned.met_by_changes(floor_s(after), floor_s(before)):
            yield _EPOCH + timedelta(seconds=wall_s), timedelta(seconds=shift_s)

    def dst_text(self) -> str:
        """What differs from the rule's defaults, to follow the zone's name."""
        gap = "" if self.dst_gap == GAPS[0] else f", gap: {self.dst_gap}"
        fold = "" if self.dst_fold == FOLDS[0] else f", fold: {self.dst_fold}"
        return gap + fold

    def _on_clock(self, utc_s: int | None) -> datetime | None:
        return None if utc_s is None else datetime.fromtimestamp(utc_s, self._zoned.zone.zone)
