"""When do the wall times of a rule happen in a zone that changes its clocks? Pure.

The rule of Debian's cron (crontab(5), section on daylight saving), told as a set of instants. A schedule
whose hour and minute are fixed fires once for every time that it names: the clocks jump over the time →
right after the jump, all such times together; the clocks show the time twice → at the first. A wildcard
schedule fires whenever the clock shows a matching time. Jumps of more than three hours correct the clock
and are not made up for. Being a set, the answers cannot run backwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from onebeat.scheduler.zones import SHIFT_MAX_S, Segment, ZoneTable

GAPS = ("run-after", "skip")
FOLDS = ("first", "second", "both")
_HORIZON_S = 42 * 366 * 86_400  # a rule may name only times that the clocks always jump over
_FAR_S = 3 * 86_400  # no clock is further than a day from UTC, and none goes back by more than a day
# Outside of these years `datetime` cannot hold the whole search.
FIRST_S, LAST_S = -59_000_000_000, 250_000_000_000


class WallRule(Protocol):
    """Times on a wall clock, in whole seconds since 1970-01-01 00:00 on that clock."""

    @property
    def wildcard(self) -> bool:
        """Does it follow the wall clock through every change, instead of once per named time?"""

    def next_wall(self, wall_s: int) -> int | None:
        """The first matching wall second after `wall_s`."""

    def prev_wall(self, wall_s: int) -> int | None:
        """The last matching wall second before `wall_s`."""


@dataclass(frozen=True, slots=True)
class ZonedRule:
    """A rule on the clocks of a zone. `gap` and `fold` say what fixed times do at a change."""

    rule: WallRule
    zone: ZoneTable
    gap: str = "run-after"
    fold: str = "first"

    def met_by_changes(self, after_s: int, before_s: int) -> Iterator[tuple[int, int]]:
        """The first wall second of the rule in each gap (shift > 0) or fold (< 0), and the shift, s."""
        segment = self.zone.at(after_s)
        while segment.end_s < before_s and not self.rule.wildcard:
            low_s = segment.end_s + segment.offset_s + min(0, segment.shift_s)
            wall_s = self.rule.next_wall(low_s - 1) if segment.shift_s else None
            if wall_s is not None and wall_s < low_s + abs(segment.shift_s):
                yield wall_s, segment.shift_s
            segment = self.zone.at(segment.end_s)

    def next_s(self, after_s: int) -> int | None:
        """The first fire after `after_s`, in seconds since the epoch, UTC."""
        if not FIRST_S < after_s < LAST_S:
            return None
        segment = self.zone.at(after_s)
        offset_s = segment.offset_s
        wall_s = self.rule.next_wall(after_s + offset_s)
        if wall_s is not None and after_s >= segment.fresh_s and wall_s - offset_s < segment.again_s:
            return wall_s - offset_s  # no change of the clocks is near: every choice agrees
        open_s, close_s = self._window(segment)
        if after_s < open_s - 1:
            wall_s = self.rule.next_wall(open_s - 1 + offset_s)
        first_s = wall_s
        while wall_s is not None and first_s is not None and wall_s - first_s < _HORIZON_S:
            if wall_s - segment.offset_s < close_s:
                return wall_s - segment.offset_s
            lost_s = self._lost_s(segment)
            if lost_s and wall_s < segment.end_s + segment.offset_s + lost_s:
                return segment.end_s
            offset_s, segment = segment.offset_s, self.zone.at(segment.end_s)
            open_s, close_s = self._window(segment)
            # Where the clocks did not go back, a match still ahead stays the first one.
            if segment.offset_s < offset_s or wall_s < open_s + segment.offset_s:
                wall_s = self.rule.next_wall(open_s - 1 + segment.offset_s)
            if wall_s is not None and after_s + _FAR_S < segment.end_s < wall_s - _FAR_S:
                # No clock change in between can show a time again that is not after `after_s`.
                segment = self.zone.at(wall_s - _FAR_S)
                open_s, close_s = self._window(segment)
        return None

    def prev_s(self, before_s: int) -> int | None:
        """The last fire before `before_s`, in seconds since the epoch, UTC."""
        if not FIRST_S < before_s < LAST_S:
            return None
        segment = self.zone.at(before_s - 1)
        open_s, close_s = self._window(segment)
        wall_s = self.rule.prev_wall(min(before_s, close_s) + segment.offset_s)
        first_s = wall_s
        while wall_s is not None and first_s is not None and first_s - wall_s < _HORIZON_S:
            if wall_s - segment.offset_s >= open_s:
                return wall_s - segment.offset_s
            offset_s, segment = segment.offset_s, self.zone.at(segment.start_s - 1)
            if self._lost_s(segment) and wall_s >= segment.end_s + segment.offset_s:
                return segment.end_s
            open_s, close_s = self._window(segment)
            if segment.offset_s > offset_s or wall_s >= close_s + segment.offset_s:
                wall_s = self.rule.prev_wall(close_s + segment.offset_s)
            if wall_s is not None and wall_s + _FAR_S < segment.start_s < before_s - _FAR_S:
                segment = self.zone.at(wall_s + _FAR_S)
                open_s, close_s = self._window(segment)
        return None

    def _window(self, segment: Segment) -> tuple[int, int]:
        """From when (included) until when (not) a time shown in this segment is a fire."""
        if self.rule.wildcard or self.fold == "both":
            return segment.start_s, segment.end_s
        if self.fold == "first":
            return max(segment.start_s, segment.fresh_s), segment.end_s
        return segment.start_s, min(segment.end_s, segment.again_s)

    def _lost_s(self, segment: Segment) -> int:
        """How much wall time is jumped over at the segment's end and has to be made up for."""
        made_up = self.gap == "run-after" and not self.rule.wildcard
        return segment.shift_s if made_up and 0 < segment.shift_s <= SHIFT_MAX_S else 0
