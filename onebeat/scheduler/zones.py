"""Which offset from UTC does a time zone have around an instant, and what changes it?

`zoneinfo` answers only "which offset at this instant", so a table is probed from it, a year at a time,
and shared by every trigger in the zone. Instants are whole seconds since the epoch, UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from onebeat.errors import InvalidZone

SHIFT_MAX_S = 3 * 3600  # Debian's cron: a larger step corrects the clock, it is no daylight saving
CHUNK_S = 366 * 86_400
PROBE_S = 2 * 86_400  # the closest two changes of any zone since 1970 are 6.9 days apart
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9_+-]{1,30}){0,2}", re.ASCII)
# What lies in a zone folder without being a zone: the machine's own, and the leap-second twins.
_NO_ZONES = {"localtime", "Factory", "posixrules", "posix", "right"}


class Segment(NamedTuple):
    """A stretch of time in which a zone keeps one offset: `start_s` included, `end_s` not."""

    start_s: int
    end_s: int
    offset_s: int
    shift_s: int  # how far the clocks jump forward at `end_s`; 0 at the edge of a chunk
    fresh_s: int  # from here on the clocks show times that they did not show just before
    again_s: int  # from here on the clocks show times that they will soon show again


NOWHERE = Segment(0, 0, 0, 0, 0, 0)


class ZoneTable:
    """The segments of one zone, probed when they are first asked for."""

    __slots__ = ("_chunks", "_near", "name", "zone")

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.name = zone.key
        self._chunks: dict[int, list[Segment]] = {}
        self._near = NOWHERE  # the last answer: most questions are about one season

    def at(self, utc_s: int) -> Segment:
        """The segment that contains `utc_s`."""
        near = self._near
        if near.start_s <= utc_s < near.end_s:
            return near
        number = utc_s // CHUNK_S
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._chunks[number] = self._probe(number)
        for segment in chunk:
            if utc_s < segment.end_s:
                break
        self._near = segment
        return segment

    def changes_between(self, span_s: tuple[int, int]) -> bool:
        """Does the offset change between two instants? Looks at every year in between."""
        at_s, last_s = span_s
        while at_s < last_s:
            segment = self.at(at_s)
            if segment.shift_s:
                return True
            at_s = segment.end_s
        return False

    def _probe(self, number: int) -> list[Segment]:
        first_s, last_s = number * CHUNK_S, (number + 1) * CHUNK_S
        # A margin on both sides shows the folds that reach into this chunk from the next one.
        wide = list(self._changes(first_s - PROBE_S, last_s + PROBE_S))
        starts = [(first_s - PROBE_S, 0), *wide]
        ends = [*wide, (last_s + PROBE_S, 0)]
        segments = []
        for (start_s, before), (end_s, after) in zip(starts, ends, strict=True):
            clipped = Segment(
                start_s=max(start_s, first_s),
                end_s=min(end_s, last_s),
                offset_s=self._offset_s(start_s),
                shift_s=after if end_s <= last_s else 0,
                fresh_s=start_s - before if -SHIFT_MAX_S <= before < 0 else start_s,
                again_s=end_s + after if -SHIFT_MAX_S <= after < 0 else end_s,
            )
            if clipped.start_s < clipped.end_s:
                segments.append(clipped)
        return segments

    def _changes(self, first_s: int, last_s: int) -> Iterator[tuple[int, int]]:
        """Each instant in (first_s, last_s) at which the offset changes, and by how many seconds."""
        low, offset = first_s, self._offset_s(first_s)
        while low < last_s:
            high = min(low + PROBE_S, last_s)
            after = self._offset_s(high)
            if after != offset:
                yield self._bisect(low, high, offset), after - offset
            low, offset = high, after

    def _bisect(self, low: int, high: int, offset: int) -> int:
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._offset_s(middle) == offset else (low, middle)
        return high

    def _offset_s(self, utc_s: int) -> int:
        offset = datetime.fromtimestamp(utc_s, self.zone).utcoffset()
        assert offset is not None  # ZoneInfo always knows
        return offset.days * 86_400 + offset.seconds


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneTable:
    """The table of an IANA zone such as `Asia/Seoul`; `UTC` is one too.

    Raises:
        InvalidZone: not a name of the IANA list. Paths and the machine's `localtime` are none.
    """
    if _NAME.fullmatch(name) and name.partition("/")[0] not in _NO_ZONES:
        try:
            return ZoneTable(ZoneInfo(name))
        except (LookupError, OSError, ValueError):  # absent, a folder, no zone file
            pass
    known = available_timezones() - _NO_ZONES
    close = get_close_matches(name[:80], known, n=1, cutoff=0.6)
    mend = f"did you mean {close[0]}?" if close else "write a name such as Europe/London, Asia/Seoul or UTC"
    raise InvalidZone(f"{name[:80]!r} is not an IANA time zone: {mend}")
