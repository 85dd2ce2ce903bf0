"""Does every effect happen once, and none of a former holder's, in a database of many writers? F1–F3, X1–X4.

Each process takes the same few messages again and again until they are done, with the production lock,
keeper and ledger protocol. What the handler does is what loses updates: read, think, write.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from typing import Any, ClassVar

from onebeat.errors import EffectError, LockError, StoreError
from onebeat.ledger.entry import Done, Entry
from onebeat.ledger.steps import Begin, Commit, Rows, Sql, Undo, Work
from onebeat.ledger.transaction import perform
from onebeat.locks import Lock
from onebeat.wire import Pause, drive
from tests.interleave.choices import Choice
from tests.interleave.database import Ask, Broken, Database, End, Statement, Transaction, statement_of
from tests.interleave.hub import Hub
from tests.interleave.keeping import install
from tests.interleave.process import Failed, Process
from tests.interleave.scenario import Scenario, expect
from tests.interleave.world import NAMESPACE

RESOURCE = "r"
LEASE_S = 3.0
MESSAGES = {"m1": RESOURCE, "m2": RESOURCE, "m3": RESOURCE, "free": None}
DONE_WITHIN_S = 40.0


class HandlerFailed(Exception):
    """What a handler raises."""


class Session:
    """What the handler gets: statements in the transaction that is open for it."""

    def __init__(self, machine: Process, database: Database, within: Transaction) -> None:
        self.machine, self._database, self._within = machine, database, within

    def execute(self, text: str, *values: Any, row: tuple[Any, ...] | None = None) -> Rows:
        rows: Rows = self.machine.ask(Ask(self._database, self._within, Statement(text, values, row)))
        return rows


class Effects(Scenario):
    """Two or three workers, one fenced counter, and messages that come more than once."""

    name = "effects"
    ends_exactly = True
    acts: ClassVar[dict[str, float]] = {"worker": 2, "force": 1}
    stress: ClassVar[dict[str, float]] = {"pause": 3.0, "execute": 2.0}

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        super().__init__(hub, rng)
        self.database = Database(self._committed)
        self.done: set[str] = set()
        self._fence_max = 0
        self._count = 0
        self._claims = 0
        self._broken: tuple[str, str] | None = None
        self._touched = True
        self._undo: Callable[[], None] = install()
        self._failing = rng.random() < 0.5
        for _ in range(rng.choice((2, 3))):
            self._start()

    # -- processes ----------------------------------------------------------------------------------

    def _start(self) -> None:
        self._count += 1
        machine = self.hub.add(f"worker{self._count}", rate=self.rng.choice((1.0, 0.94, 1.06)))
        rng = random.Random(self.rng.random())
        machine.start(lambda: self._live(machine, rng))

    def _live(self, machine: Process, rng: random.Random) -> None:
        while len(self.done) < len(MESSAGES):
            id_ = rng.choice([one for one in MESSAGES if one not in self.done])
            try:
                self._take(machine, id_, rng)
            except (StoreError, LockError, EffectError, Failed, HandlerFailed) as problem:
                self.reached.add(type(problem).__name__)
                machine.ask(Pause(rng.choice((0.02, 0.5))))

    def _take(self, machine: Process, id_: str, rng: random.Random) -> None:
        if MESSAGES[id_] is None:
            self._claims += 1
            self._work(machine, id_, self._claims, lambda: None, rng)
            return
        lock = Lock(machine.port, RESOURCE, lease=LEASE_S, clock=machine.clock)
        lease = lock.acquire(rng.choice((0, 2.0)))
        if lease is None:
            machine.ask(Pause(0.3))
            return
        with lock.keeping(lease):
            self._work(machine, id_, lease.fence, lease.assert_held, rng)

    def _work(
        self, machine: Process, id_: str, fence: int, confirm: Callable[[], None], rng: random.Random
    ) -> None:
        entry = Entry(NAMESPACE, "t", id_, "f", id_, fence, MESSAGES[id_], 3_600.0)
        fails = self._failing and rng.random() < 0.3
        steps = perform(
            entry,
            lambda session: self._handler(session, id_, fails, rng),
            dialect="sqlite",
            now_ms=machine.clock.wall_ms(),
            confirm=confirm,
            luck=random.random,
        )
        outcome: Done[Any] = self._perform(machine, steps)
        self.reached.add("replayed" if outcome.replayed else "done")
        expect(outcome.result == id_, "X1", f"{id_} was answered {outcome.result!r}")
        self.done.add(id_)
        self._touched = True

    def _handler(self, session: Session, id_: str, fails: bool, rng: random.Random) -> str:
        name = MESSAGES[id_]
        session.execute("INSERT INTO effect VALUES (?)", id_, row=("effect", object()))
        if name is not None:
            found = session.execute("SELECT value FROM counter WHERE name = ?", name).rows
            session.machine.ask(Pause(rng.choice((0.0, 0.2, 2.5))))
            text = "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
            session.execute(text, name, found[0].value + 1 if found else 1, row=("counter", name))
        if fails:
            raise HandlerFailed(id_)
        return id_

    def _perform(self, machine: Process, steps: Generator[Any, Any, Any]) -> Any:
        """The hand that performs the ledger's protocol, one step a turn."""
        hand = _Hand(machine, self.database)
        try:
            return drive(steps, hand.perform, Exception)
        finally:
            hand.undo()

    def act(self, choice: Choice) -> None:
        if choice.what == "worker" and self._count < 6:
            self._start()
        elif choice.what == "force":
            self.hub.note(None, "an operator takes the lock")
            self.hub.world.raw("DEL", f"ob:{{{NAMESPACE}:lock:{RESOURCE}}}:owner")

    # -- what must be so ------------------------------------------------------------------------------

    def _committed(self, within: Transaction) -> None:
        self._touched = True
        for statement in within.writes:
            if statement.row and statement.row[0] == "onebeat_fence":
                fence = next(value for value in statement.values if isinstance(value, int))
                if fence < self._fence_max:
                    self._broken = ("F2", f"{within.who} of fence {fence} commits after {self._fence_max}")
                self._fence_max = max(fence, self._fence_max)

    def check(self) -> None:
        if self._broken:
            expect(False, *self._broken)
        if not self._touched:
            return
        self._touched = False
        rows = self.database.read("SELECT fence FROM onebeat_fence")
        stored = rows[0][0] if rows else 0
        expect(stored == self._fence_max, "F1", f"the fence is {stored}, registered was {self._fence_max}")
        effects = [key for (key,) in self.database.read("SELECT key FROM effect")]
        twice = {key for key in effects if effects.count(key) > 1}
        expect(not twice, "X2", f"more than one effect of {sorted(twice)}")
        rows = self.database.read("SELECT message_id FROM onebeat_ledger WHERE status = 'done'")
        ledger = sorted(id_ for (id_,) in rows)
        expect(ledger == sorted(effects), "X1", f"effects {sorted(effects)}, in the ledger {ledger}")
        expect(self.done <= set(effects), "X1", f"told done: {self.done}, effects: {effects}")
        fenced = [key for key in effects if MESSAGES[key]]
        rows = self.database.read("SELECT value FROM counter")
        value = rows[0][0] if rows else 0
        expect(value == len(fenced), "F3", f"{len(fenced)} increments are committed, the value is {value}")

    def calm(self) -> None:
        """Everything that is left is done by one more worker, at the latest."""
        self._failing = False
        self._start()
        self.hub.calm(round(DONE_WITHIN_S * 1e6), over=lambda: len(self.done) == len(MESSAGES))

    def check_end(self) -> None:
        expect(len(self.done) == len(MESSAGES), "X3", f"after {DONE_WITHIN_S} s of calm only {self.done}")

    def close(self) -> None:
        self._undo()
        self.database.close()


class _Hand:
    """The connection of one attempt; see `onebeat.ledger.hands`."""

    def __init__(self, machine: Process, database: Database) -> None:
        self._machine, self._database = machine, database
        self._within: Transaction | None = None

    def perform(self, step: Any) -> Any:
        match step:
            case Begin():
                self._begin()
            case Sql(statement):
                return self._machine.ask(Ask(self._database, self._open(), statement_of(statement)))
            case Work(handler):
                return handler(Session(self._machine, self._database, self._open()))
            case Commit():
                within = self._open()
                self._machine.ask(End(self._database, within))
                self.undo()
            case Undo():
                self.undo()
            case Pause():
                self._machine.ask(step)
        return None

    def _open(self) -> Transaction:
        if self._within is None:
            raise Broken("no transaction is open")
        return self._within

    def _begin(self) -> None:
        self._within = within = Transaction(self._machine.name)
        self._machine.at_death.append(lambda: within.committing or self._database.end(within))

    def undo(self) -> None:
        within, self._within = self._within, None
        if within is not None and not within.committing:
            self._database.end(within)
