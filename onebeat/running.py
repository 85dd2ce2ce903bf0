"""What does a running beat ask of its app? Its schedules as files are edited and programs change theirs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from onebeat.config import Live, dropped
from onebeat.decorated import load_with
from onebeat.errors import ConfigError, Refused
from onebeat.queue.settling import approved, scheduled
from onebeat.queue.signing import Unsigned
from onebeat.scheduler.beat import Beat
from onebeat.scheduler.declarations import Made, look, place_of
from onebeat.scheduler.desk import Known, News
from onebeat.scheduler.schedule import Schedule

if TYPE_CHECKING:
    from onebeat.app import App

LOG = logging.getLogger("onebeat.beat")
WITHIN_S = 10.0


class Running:
    """The side of an app that its beat sees."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._read: dict[tuple[str, str], Schedule | None] = {}  # of programs; reading one costs 0.2 ms
        self._told: set[str] = set()  # ids of programs that the files have too

    def beat(self) -> Beat:
        """The beat of the declared schedules, which follows their files and what programs make."""
        app = self._app
        return Beat(
            app.store,
            self._enabled,
            config=app.loaded.fingerprint,
            known=self._known,
            news=self._news,
            ring=app.ring,
            made=self._made,
        )

    @cached_property
    def live(self) -> Live:
        """The configuration as it is edited."""
        app = self._app
        load = partial(load_with, found=app._decorated)
        files = [] if app.config is None else [app.config]
        return Live(files, app.loaded, app.environ, approved=self._approves, load=load)

    def refuse_drop(self) -> None:
        """Return if the configuration may follow the one that ran last.

        Raises:
            Refused: it drops more than half of the schedules, and nobody said that this is meant.
        """
        app = self._app
        known = app.store.run(scheduled(app.store.space, app.namespace.value, app.loaded.fingerprint))
        made = app.store.run(look(app.store.space, within_s=WITHIN_S))
        gone = dropped(known - set(made.schedules if made else ()), app.loaded)
        if gone and not self._approves(app.loaded.fingerprint):
            raise Refused(f"{gone}; so does --allow-drop")

    @property
    def _enabled(self) -> list[Schedule]:
        return [one for one in self.live.loaded.schedules if one.enabled]

    def _news(self) -> News:
        self.live.hear(self._applied())
        self.live.look()
        return News(lambda: self._enabled, self.live.fingerprint, self.live.refused)

    def _approves(self, fingerprint: str) -> bool:
        """Whether a person said that this configuration may drop more than half of the schedules."""
        return self._app.allow_drop or fingerprint in (self._app.meant, self._applied())

    def _applied(self) -> str:
        """The configuration of which `onebeat apply` said last that it is meant."""
        return self._app.store.run(approved(self._app.store.space))

    def _known(self) -> Known:
        """What the history knows, for a store that lost its data."""
        return self._app._past().known(self._enabled)

    def _made(self, made: Mapping[str, Made]) -> Sequence[Schedule]:
        """What programs made, as far as it fires and no file has it."""
        declared = {name for one in self.live.loaded.schedules for name in (one.id, one.formerly)}
        for id_ in sorted(declared & made.keys() - self._told):
            LOG.warning("a program made the schedule %s, and the configuration has it: that one counts", id_)
        self._told = declared & made.keys()
        signed = {id_: one for id_, one in made.items() if self._believes(id_, one)}
        self._read = {(id_, one.text): self._restored(id_, one.text) for id_, one in signed.items()}
        found = [one for one in self._read.values() if one is not None]
        return [one for one in found if one.enabled and one.id not in declared]

    def _believes(self, id_: str, made: Made) -> bool:
        app = self._app
        try:
            app.ring.check_text(place_of(app.store.space, id_), made.text, made.seal)
        except Unsigned as problem:
            LOG.error("the schedule %s of a program is left out: %s", id_, problem)
            return False
        return True

    def _restored(self, id_: str, text: str) -> Schedule | None:
        from onebeat.config.declare import restored

        if (id_, text) in self._read:
            return self._read[id_, text]
        try:
            return restored(id_, text)
        except ConfigError as problem:  # another release made it; the others go on
            LOG.error("the schedule %s of a program is left out: %s", id_, problem)
            return None
