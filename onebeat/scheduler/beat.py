"""How does a beat live? It leads or stands by, wakes when a fire is due, and never stops for an error."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable, Sequence

import msgspec

from onebeat import ready
from onebeat.clock import SYSTEM, Clock
from onebeat.errors import Remedy, StoreError
from onebeat.failpoints import reach
from onebeat.queue.signing import NO_KEYS, KeyRing
from onebeat.scheduler.annex import Annex, Reader
from onebeat.scheduler.desk import Desk, Known, News
from onebeat.scheduler.leadership import DEPUTY_MS, LEADER_EVERY_S, STANDBY_EVERY_S, lead, resign
from onebeat.scheduler.pulse import RedisTime
from onebeat.scheduler.schedule import Schedule
from onebeat.scheduler.section import ADOPT_EVERY_S, Section
from onebeat.stop_sign import StopSign
from onebeat.vitals import Vitals
from onebeat.wire import Store

LOG = logging.getLogger("onebeat.beat")
WITHIN_S = 1.0
TROUBLE_S = 0.2  # pause after the store did not answer


class Beat:
    """Emits `schedules` until stopped. Any number may run: each nominal time is queued once.

    `config` is the hash of the configuration; `known` answers what the history knows, for a store
    that lost its data; `news` is asked every second what the configuration says by now; `ring` signs what
    is queued; `made` reads the schedules that programs made (None: this beat leaves them alone).
    """

    def __init__(
        self,
        store: Store,
        schedules: Sequence[Schedule],
        *,
        config: str,
        known: Callable[[], Known] = Known,
        news: Callable[[], News] = News,
        ring: KeyRing = NO_KEYS,
        made: Reader | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        self._store, self._clock, self._known, self._news = store, clock, known, news
        self._token = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(3)}"
        self._time = RedisTime(clock)
        self.vitals = Vitals(clock)
        self._refused = ""  # why the newest content of the files is not taken
        self._desk = Desk(store, schedules, config, self._time, ring)
        self._annex = None if made is None else Annex(store, made, self._time, ring)
        self._started_ms = clock.wall_ms()
        self._stop = StopSign()
        self._leads = False
        self._told: bool | None = None  # what the log says of it
        self._lead_at_s = self._adopt_at_s = 0.0

    def stop(self) -> None:
        """End `run` soon; safe in a signal handler and from any thread."""
        self._stop.set()

    def look(self) -> None:
        """Look soon whether the configuration changed; safe in a signal handler."""
        self._adopt_at_s = 0.0

    def run(self) -> None:
        """Emit until stopped, through every outage of the store.

        Raises:
            StoreError: the store refuses for a reason that waiting does not mend.
        """
        while not self._stop.is_set():
            try:
                self._tend()
                while not self._stop.is_set() and self._pass():
                    self._tend()
            except StoreError as problem:
                if problem.remedy is Remedy.FATAL:
                    raise
                self._leads, self._lead_at_s, self._adopt_at_s = False, 0.0, 0.0
                LOG.warning("the beat waits: %s", problem)
                self.vitals.turned(good=False)
                self._stop.wait(TROUBLE_S)
            else:
                self.vitals.leads = self._leads
                self.vitals.turned(good=True)
                self._stop.wait(self._patience_s())
        self._resign()

    def _tend(self) -> None:
        """What is to be done every so often: lead or ask to, and adopt the configuration."""
        now_s = self._clock.mono_s()
        if now_s >= self._lead_at_s:
            call = lead(self._store.space, self._token, self._card(), within_s=WITHIN_S)
            redis_ms, self._leads = self._store.run(call)
            reach("beat.led")
            self._time.heard(redis_ms)
            self._lead_at_s = now_s + (LEADER_EVERY_S if self._leads else STANDBY_EVERY_S)
            if self._leads is not self._told:
                self._told = self._leads
                LOG.info("this beat %s", "leads" if self._leads else "stands by")
        if now_s >= self._adopt_at_s:
            self._hear()
            self._desk.tend(self._known)
            if self._annex is not None:
                self._annex.tend(self._desk)
            self._adopt_at_s = now_s + ADOPT_EVERY_S
            role = "leading" if self._leads else "standing by"
            ready.announce(f"{self._desk.count} schedules, {role}")

    def _hear(self) -> None:
        """Take a configuration that changed, after what is due by the one before it."""
        news = self._news()
        self._refused = news.refused
        self.vitals.note = f"the configuration stays as it was: {news.refused}" if news.refused else ""
        if news.config and news.config != self._desk.config:
            while self._desk.active and self._pass():
                pass
            self._desk = self._desk.with_schedules(news.schedules(), news.config)
            LOG.info("the configuration changed: %d schedules", self._desk.count)

    def _pass(self) -> bool:
        """Emit what is due; whether there may be more at once."""
        lag_ms = 0 if self._leads else DEPUTY_MS
        looked = [section.pass_once(lag_ms) for section in self._sections if section.active]
        if not all(section.active for section in self._sections):
            self._adopt_at_s = min(self._adopt_at_s, self._clock.mono_s() + TROUBLE_S)
        return any(looked)

    @property
    def _sections(self) -> Sequence[Section]:
        """Those of the files, and those of what programs made."""
        return [*self._desk.sections, *(self._annex.sections if self._annex is not None else ())]

    def _patience_s(self) -> float:
        """Seconds until something is due."""
        until_s = min(self._lead_at_s, self._adopt_at_s) - self._clock.mono_s()
        wakes = [section.wake_at_ms for section in self._sections]
        due_ms = min((wake for wake in wakes if wake is not None), default=None)
        if due_ms is not None:
            lag_ms = 0 if self._leads else DEPUTY_MS
            until_s = min(until_s, (due_ms + lag_ms - self._time.now_ms()) / 1000)
        return max(0.0, until_s)

    def _card(self) -> bytes:
        """Who and where this beat is, for people."""
        return msgspec.json.encode(
            {
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "schedules": self._desk.count,
                "config": self._desk.config,
                "newest": self._desk.active,
                "refused": self._refused,
                "leads": self._leads,
                "started_ms": self._started_ms,
                "seen_ms": self._clock.wall_ms(),
            }
        )

    def _resign(self) -> None:
        reach("beat.resigning")
        try:
            self._store.run(resign(self._store.space, self._token, within_s=WITHIN_S))
        except StoreError as problem:
            LOG.warning("could not resign, another beat leads in a moment anyway: %s", problem)
