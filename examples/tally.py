"""Do the runs, the rows and the plan agree? Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from onebeat.ledger import Run

AFTER_MS = 5_000  # how long after a beat's death an emission is counted as delayed by it


@dataclass(frozen=True, slots=True)
class Seen:
    """What was left behind: emissions as (run, Redis ms), the history, and the run of each row."""

    emissions: Sequence[tuple[str, int]]
    history: Sequence[Run]
    rows: Sequence[str]


@dataclass(frozen=True, slots=True)
class Tally:
    """The comparison; `violations` is empty when every nominal time ran once."""

    schedules: int
    nominals: int
    runs: int
    rows: int
    missing: int
    doubled: int
    emission_gap_ms: int
    held: int
    restart_delay_ms: int
    violations: tuple[str, ...]

    @classmethod
    def of(
        cls,
        schedules: Mapping[str, int],
        stretch_ms: tuple[int, int],
        seen: Seen,
        *,
        beat_died_ms: int,
        worker_died_ms: int,
        held: frozenset[str],
    ) -> Tally:
        """Compare. `schedules`: id → period in seconds; `held`: the runs that the dead worker had."""
        due = set(due_in(schedules, *stretch_ms))
        emissions, rows = Counter(one for one, _ in seen.emissions), Counter(seen.rows)
        done = {run.id: run for run in seen.history if run.state == "done"}
        missing = {one for one in due if one not in done or not rows[one]}
        doubled = {one for one in {*emissions, *rows} if emissions[one] > 1 or rows[one] > 1}
        invented = {one for one in {*done, *rows} if not _is_on_grid(one, schedules)}
        apart = done.keys() ^ rows.keys()
        other = [run for run in seen.history if run.state != "done"]
        told = {
            "nominal time without a run or a row": missing,
            "run with two emissions or two rows": doubled,
            "run that no schedule asked for": invented,
            "row without a run that is done, or the other way round": apart,
            "run that is not done": {f"{run.id} {run.state} {run.reason or run.error}" for run in other},
            "the worker held nothing when it was killed": set() if held else {"kill it again"},
        }
        violations = tuple(f"{what}: {one}" for what, ones in told.items() for one in sorted(ones))
        return cls(
            schedules=len(schedules),
            nominals=len(due),
            runs=len(due & done.keys()),
            rows=sum(rows[one] for one in due),
            missing=len(missing),
            doubled=len(doubled),
            emission_gap_ms=_gap_ms(seen.emissions, beat_died_ms),
            held=len(held),
            restart_delay_ms=max((_claimed_ms(done.get(one)) - worker_died_ms for one in held), default=0),
            violations=violations,
        )

    def table(self) -> str:
        """For people."""
        rows = (
            ("schedules", f"{self.schedules}"),
            ("nominal times", f"{self.nominals}"),
            ("runs", f"{self.runs}"),
            ("effects in the database", f"{self.rows}"),
            ("missing", f"{self.missing}"),
            ("doubled", f"{self.doubled}"),
            ("latest emission after the beat's death", f"{self.emission_gap_ms / 1000:.3f} s"),
            ("messages that the dead worker held", f"{self.held}"),
            ("until the last of them ran again", f"{self.restart_delay_ms / 1000:.3f} s"),
        )
        return "\n".join(f"{name:<40}{value:>10}" for name, value in rows)


def due_in(schedules: Mapping[str, int], from_ms: int, to_ms: int) -> Iterator[str]:
    """The runs that an `every` schedule owes between two moments, both included."""
    for id_, period_s in schedules.items():
        period_ms = period_s * 1000
        for nominal_ms in range(-(-from_ms // period_ms) * period_ms, to_ms + 1, period_ms):
            yield f"{id_}@{nominal_ms}"


def _is_on_grid(run: str, schedules: Mapping[str, int]) -> bool:
    id_, _, nominal_ms = run.rpartition("@")
    return id_ in schedules and int(nominal_ms) % (schedules[id_] * 1000) == 0


def _gap_ms(emissions: Sequence[tuple[str, int]], died_ms: int) -> int:
    """How late the latest of the times was that fell due around the death."""
    late_by = [
        emitted_ms - nominal_ms
        for one, emitted_ms in emissions
        for nominal_ms in (int(one.rpartition("@")[2]),)
        if died_ms - 1000 <= nominal_ms <= died_ms + AFTER_MS
    ]
    return max(late_by, default=0)


def _claimed_ms(run: Run | None) -> int:
    return run.claimed_ms or 0 if run is not None else 0
