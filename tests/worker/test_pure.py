"""The worker's decisions, as rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from onebeat import Context, Retry
from onebeat.errors import BadArguments, ConfigError, UnknownTask
from onebeat.queue.record import Header, Message, RetryPolicy, unpack
from onebeat.queue.states import Move
from onebeat.worker import reserve
from onebeat.worker.outcome import End, Outcome, line_of
from onebeat.worker.registry import Registry, import_all
from onebeat.worker.retry import delay_after
from onebeat.worker.run import outcome_of
from onebeat.worker.signature import Signature
from onebeat.worker.task import task
from onebeat.worker.turn import Conflict
from onebeat.worker.verdict import PARK_MAX_MS, Verdict, after, settle

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TWICE = RetryPolicy(max=2, delay_ms=1000, max_delay_ms=4000)
NEVER = RetryPolicy(max=0)


@pytest.mark.parametrize(
    ("end", "attempt", "policy", "verdict"),
    [
        (End.DONE, 0, NEVER, Verdict(Move.FINISH)),
        (End.CONFLICT, 0, TWICE, Verdict(Move.SKIP, reason="singleton")),
        (End.EXPIRED, 0, TWICE, Verdict(Move.EXPIRE, reason="expired")),
        (End.CUT, 0, NEVER, Verdict(Move.RELEASE, reason="shutdown", counted=False)),
        (End.FAILED, 0, NEVER, Verdict(Move.BURY, reason="failed")),
        (End.FAILED, 0, TWICE, Verdict(Move.RETRY, 500, "failed")),
        (End.FAILED, 1, TWICE, Verdict(Move.RETRY, 1000, "failed")),
        (End.FAILED, 2, TWICE, Verdict(Move.BURY, reason="failed")),
        (End.RETRY, 0, TWICE, Verdict(Move.RETRY, 500, "failed")),
        (End.RETRY, 2, TWICE, Verdict(Move.BURY, reason="retry")),
        (End.FATAL, 0, TWICE, Verdict(Move.BURY, reason="fatal")),
        (End.LOST, 0, NEVER, Verdict(Move.RETRY, 1500, "lease lost")),
        (End.LOST, 2, NEVER, Verdict(Move.RETRY, 1500, "lease lost")),
        (End.LOST, 3, NEVER, Verdict(Move.BURY, reason="lost")),
        (End.UNKNOWN, 0, NEVER, Verdict(Move.RETRY, 10_000, "unknown task", counted=False)),
    ],
)
def test_verdicts(end: End, attempt: int, policy: RetryPolicy, verdict: Verdict) -> None:
    message = Message("id", Header("m:f"), b"", attempt=attempt, enqueued_ms=1000)
    assert after(message, Outcome(end, ended_ms=2000), policy, 0.5) == verdict


def test_an_unknown_task_dies_in_the_end() -> None:
    message = Message("id", Header("m:f"), b"", enqueued_ms=1000)
    outcome = Outcome(End.UNKNOWN, ended_ms=1000 + PARK_MAX_MS)
    assert after(message, outcome, NEVER, 0.5).move is Move.BURY


def test_retry_with_its_own_delay() -> None:
    message = Message("id", Header("m:f"), b"")
    assert after(message, Outcome(End.RETRY, after_ms=7), TWICE, 0.5).delay_ms == 7


@pytest.mark.parametrize(("counted", "attempt"), [(True, 3), (False, 2)])
def test_settling_a_retry_counts_the_attempt_or_not(counted: bool, attempt: int) -> None:
    message = Message("id", Header("m:f"), b"body", attempt=2)
    settled = settle(message, Outcome(End.FAILED, error="E: x"), Verdict(Move.RETRY, 5, counted=counted), "w")
    assert unpack(settled.record).attempt == attempt
    assert unpack(settled.record).body == b"body"


@pytest.mark.parametrize(
    ("tried", "luck", "ms"),
    [(1, 1.0, 1000), (2, 1.0, 2000), (3, 1.0, 4000), (9, 1.0, 4000), (99, 0.25, 1000)],
)
def test_backoff(tried: int, luck: float, ms: int) -> None:
    assert delay_after(tried, TWICE, luck) == ms
    assert delay_after(tried, RetryPolicy(2, "constant", 70), luck) == 70


@pytest.mark.parametrize(
    ("slots", "held", "run_ms", "more"),
    [
        (8, 0, None, 8),
        (8, 3, None, 5),
        (8, 8, 500.0, 0),
        (8, 0, 50.0, 8),
        (8, 0, 10.0, 40),
        (8, 0, 0.0, 256),
        (8, 200, 1.0, 56),
        (0, 0, None, 0),
        (0, 3, None, 0),
    ],
)
def test_reserving(slots: int, held: int, run_ms: float | None, more: int) -> None:
    assert reserve.wanted(slots, held, run_ms) == more


def test_retry_refuses_what_it_cannot_mean() -> None:
    assert Retry(after="1m").after_ms == 60_000
    assert Retry().after_ms is None
    with pytest.raises(ValueError, match="seconds ≥ 0"):
        Retry(after=-1)


def plain(a: int, b: str = "x") -> None: ...
def with_context(ctx: Context, a: int, *rest: int) -> None: ...
def by_name(*, a: int, **rest: int) -> None: ...
def only_place(a: int, /, b: int = 2, *, c: int = 3) -> None: ...
def with_session(a: int, session: Session, b: int = 5) -> None: ...
def anything(a, b: object = None) -> None: ...
async def wrong_session(session: Session) -> None: ...


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "called"),
    [
        (plain, [1], {}, ([1], {})),
        (plain, [], {"b": "y", "a": 1}, ([1, "y"], {})),
        (with_context, [1, 2, 3], {}, (["CTX", 1, 2, 3], {})),
        (by_name, [], {"a": 1, "z": 9}, ([], {"a": 1, "z": 9})),
        (only_place, [1], {"c": 7}, ([1], {"c": 7})),
        (with_session, [1], {}, ([1, "SESSION"], {})),
        (with_session, [1, 6], {}, ([1, "SESSION", 6], {})),
        (anything, [{"x": [1]}, 2], {}, ([{"x": [1]}, 2], {})),
    ],
)
def test_arguments_find_their_places(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], called: tuple[Any, Any]
) -> None:
    signature = Signature("t", function)
    filled = {signature.context_name: "CTX", signature.session_name: "SESSION"}
    filled.pop(None, None)
    placed = signature.place(signature.fit(args, kwargs), filled)
    assert placed == called
    function(*placed[0], **placed[1])


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "words"),
    [
        (plain, ["1"], {}, "argument 'a': Expected `int`, got `str`"),
        (with_context, [1, 2, "x"], {}, "argument 'rest': Expected `int`, got `str`"),
        (with_context, [1], {"ctx": None}, "unexpected keyword argument 'ctx'"),
        (by_name, [], {"a": 1, "z": "9"}, "argument 'z'"),
        (with_session, [1], {"session": 3}, "unexpected keyword argument 'session'"),
        (wrong_session, [], {}, "must be annotated AsyncSession"),
    ],
)
def test_arguments_that_do_not_fit(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadArguments, match=words):
        Signature("t", function).fit(args, kwargs)


def test_an_error_line_survives_an_exception_without_text() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert line_of(Odd()) == "Odd: (its text cannot be shown: RuntimeError)"
    assert line_of(ValueError("a\n b")) == "ValueError: a b"
    assert len(line_of(ValueError("x" * 9999))) == 500
    assert line_of(asyncio.CancelledError()) == "CancelledError"


def test_names() -> None:
    registry = Registry()
    with pytest.raises(UnknownTask, match="add its module to 'imports:'"):
        registry.find("a:b")
    with pytest.raises(ConfigError, match="module 'no_such_module_here' cannot be imported"):
        import_all(["no_such_module_here"])


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"backoff": "linear"}, "backoff 'linear' must be"),
        ({"retries": -1}, "retries -1 must be 0 to 100"),
        ({"retries": True}, "retries True must be"),
        ({"timeout": "90"}, "write 90s or 90m"),
        ({"priority": 4}, "priority 4 must be 0"),
        ({"queue": "a b"}, "queue 'a b' is not a valid name"),
    ],
)
def test_a_task_refuses_rules_that_cannot_be_meant(rules: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        task(name=f"row:{words}", **rules)(lambda: None)


def test_one_name_is_one_function() -> None:
    task(name="tests:taken")(plain)
    task(name="tests:taken")(plain)  # the same one again: a reload
    with pytest.raises(ConfigError, match="is taken by"):
        task(name="tests:taken")(by_name)


def test_a_direct_call_runs_here() -> None:
    @task
    def double(n: int) -> int:
        return 2 * n

    assert double(4) == 8
    assert double.name.endswith("test_a_direct_call_runs_here.<locals>.double")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({}, False),
        ({"flags": 1}, True),
        ({"attempt": 1}, True),
        ({"deliveries": 1}, True),
    ],
)
def test_a_smooth_end_of_an_ad_hoc_call_is_not_told(message: dict[str, int], told: bool) -> None:
    """Everything else that has a row in the history must reach its end there."""
    settled = settle(
        Message("id", Header("m:f"), b"", **message), Outcome(End.DONE), Verdict(Move.FINISH), "w"
    )
    assert bool(settled.event) is told


def test_what_is_tried_again_is_followed_from_then_on() -> None:
    """Also when no attempt was counted: an unknown task, parked and then found."""
    message = Message("id", Header("m:f"), b"")
    parked = settle(message, Outcome(End.UNKNOWN), Verdict(Move.RETRY, 5, counted=False), "w")
    again = unpack(parked.record)
    assert again.attempt == 0
    assert settle(again, Outcome(End.DONE), Verdict(Move.FINISH), "w").event


def test_an_answer_is_told_without_the_name_of_a_class() -> None:
    outcome = outcome_of(Conflict("report is held by process 7"), None, cut=False)
    assert (outcome.end, outcome.error, outcome.trace) == (End.CONFLICT, "report is held by process 7", "")
    failed = outcome_of(ValueError("no"), None, cut=False)
    assert (failed.end, failed.error) == (End.FAILED, "ValueError: no")
    assert "ValueError: no" in failed.trace
