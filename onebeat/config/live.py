"""Which configuration should a running process have, while people edit its files?

The last good one. A changed file is read as a whole: with one mistake in it everything stays as it was,
and so it does when more than half of the schedules would be gone, which is a file that was emptied or a
mount that failed more often than a wish. `refused` says why until the files change again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from onebeat.clock import SYSTEM, Clock
from onebeat.config.files import Loaded, load
from onebeat.config.render import counted

LOG = logging.getLogger("onebeat.config")
_PAUSE = 50  # looking takes at most a fiftieth of the time


class Live:
    """The configuration in `paths`, first `loaded`, then whatever good is written there.

    `approved` tells whether a configuration (its fingerprint) may drop more than half of the schedules.
    """

    def __init__(
        self,
        paths: Collection[Path],
        loaded: Loaded,
        environ: Mapping[str, str],
        *,
        approved: Callable[[str], bool],
        load: Callable[[Sequence[Path], Mapping[str, str]], Loaded] = load,
        clock: Clock = SYSTEM,
    ) -> None:
        self.loaded = loaded
        self.fingerprint = loaded.fingerprint  # asked for every second
        self.refused = ""
        self._paths, self._environ, self._approved, self._clock = list(paths), environ, approved, clock
        self._seen = loaded.sources
        self._waiting: Loaded | None = None  # good, but nobody approved of what it drops
        self._load = load
        self._meant: str | None = None
        self._anew = False
        self._next_s = 0.0

    def hurry(self) -> None:
        """Read the files anew at the next look, whatever was said of them before."""
        self._anew, self._next_s = True, 0.0

    def hear(self, meant: str) -> None:
        """A person said that the configuration `meant` is, perhaps long ago; news of that are a hurry."""
        if self._meant not in (None, meant) and meant != self.fingerprint:
            self.hurry()
        self._meant = meant

    def look(self) -> bool:
        """Whether `loaded` is another one now."""
        began_s = self._clock.mono_s()
        if began_s < self._next_s:
            return False
        changed = self._changed()
        ended_s = self._clock.mono_s()
        self._next_s = ended_s + _PAUSE * (ended_s - began_s)
        return changed

    def _changed(self) -> bool:
        found = self._seen.look()
        if self._anew or found != self._seen:
            self._anew = False
            fresh = self._load(self._paths, self._environ)
            self._seen, self._waiting, self.refused = fresh.sources, None, ""
            if fresh.mistakes:
                first = fresh.mistakes[0]
                where = f"{first.file}:{first.line}:{first.column}"
                self._refuse(
                    f"{counted(fresh.mistakes)}, the first at {where}: {first.message} [{first.code}]"
                )
                return False
            self._waiting = fresh
        if self._waiting is None:
            return False
        return self._take(self._waiting)

    def _take(self, fresh: Loaded) -> bool:
        gone = dropped({one.id for one in self.loaded.schedules}, fresh)
        if gone and not self._approved(fresh.fingerprint):
            if not self.refused:
                self._refuse(gone)
            return False
        self._waiting, self.refused = None, ""
        other = fresh.fingerprint != self.fingerprint
        self.loaded, self.fingerprint = fresh, fresh.fingerprint
        return other

    def _refuse(self, why: str) -> None:
        self.refused = why
        LOG.error("the configuration stays as it was: %s", why)


def dropped(known: Collection[str], fresh: Loaded) -> str:
    """Why `fresh` may not follow the schedules called `known`: it drops more than half; else empty."""
    kept = {one.id for one in fresh.schedules} | {one.formerly for one in fresh.schedules}
    gone = sorted(set(known) - kept)
    if 2 * len(gone) <= len(known):
        return ""
    some = ", ".join(gone[:3]) + (", …" if len(gone) > 3 else "")
    return (
        f"{len(gone)} of {len(known)} schedules would be gone ({some}): "
        "'onebeat apply' says that this is meant"
    )
