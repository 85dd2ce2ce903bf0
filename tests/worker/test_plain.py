"""Does the short way of a call end as the long one, and is it taken only where nothing more is needed?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from onebeat import Context, Retry, singleton
from onebeat.errors import BadArguments
from onebeat.queue import payload
from onebeat.queue.record import LIVE, RECORDED, SIGNED, Header, Message, RetryPolicy, pack, unpack
from onebeat.worker.bench import Bench
from onebeat.worker.middleware import HOOKS, Middleware
from onebeat.worker.outcome import End, Outcome
from onebeat.worker.plain import plain_task, run_plain, run_plain_here
from onebeat.worker.registry import Registry
from onebeat.worker.run import run_here, run_one
from onebeat.worker.signature import Signature
from onebeat.worker.task import Task, task
from onebeat.worker.threads import Threads


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    own = Registry()
    monkeypatch.setattr("onebeat.worker.task.REGISTRY", own)
    return own


@pytest.fixture
def bench(registry: Registry) -> Bench:
    unused: Any = None
    return Bench(unused, "t", Threads(1), "sqlite://", 60.0, registry=registry)


def message(name: str, *args: Any, header: Header | None = None, **fields: Any) -> Message:
    """As a worker reads it."""
    said = Message("id", header or Header(name), payload.encode(args, {}), enqueued_ms=1)
    return unpack(pack(replace(said, **fields)))


# -- who takes it ------------------------------------------------------------------------------------


def test_a_bare_call_of_a_bare_task_takes_it(bench: Bench) -> None:
    one = task(name="one")(print)
    assert plain_task(message("one", 1), bench) is one
    assert plain_task(message("one", flags=0), bench) is one
    assert plain_task(message("two"), bench) is None


@pytest.mark.parametrize(
    "header",
    [
        Header("one", expires_at_ms=1),
        Header("one", timeout_ms=1),
        Header("one", schedule="s", nominal_ms=1),
        Header("one", retries=RetryPolicy(max=1)),
        Header("one", result_ttl_ms=1),
        Header("one", headers={"a": "b"}),
        Header("one", unique="u"),
        Header("one", key="k"),
    ],
)
def test_a_message_that_says_more_does_not(bench: Bench, header: Header) -> None:
    task(name="one")(print)
    assert plain_task(message("one", header=header), bench) is None


@pytest.mark.parametrize("fields", [{"flags": RECORDED}, {"flags": LIVE}, {"attempt": 1}, {"deliveries": 1}])
def test_a_message_that_is_followed_or_tried_again_does_not(bench: Bench, fields: dict[str, int]) -> None:
    task(name="one")(print)
    assert plain_task(message("one", **fields), bench) is None
    assert plain_task(replace(message("one"), flags=SIGNED), bench) is not None


@pytest.mark.parametrize(
    "rule",
    [
        {"timeout": "1s"},
        {"hard_timeout": "1s"},
        {"pool": "process"},
        {"result_ttl": "1s"},
        {"idempotent": True},
        {"concurrency": {"key": "k", "limit": 1}},
    ],
)
def test_a_task_with_a_rule_does_not(bench: Bench, rule: dict[str, Any]) -> None:
    task(name="one", **rule)(lambda: None)
    assert plain_task(message("one"), bench) is None


def test_a_singleton_and_what_asks_for_its_context_do_not(bench: Bench) -> None:
    task(name="alone")(singleton()(lambda: None))

    @task(name="curious")
    def curious(*, ctx: Context) -> None: ...

    assert plain_task(message("alone"), bench) is None
    assert plain_task(message("curious"), bench) is None


@pytest.fixture
def hooked() -> Iterator[None]:
    class Start(Middleware):
        def start(self, run: Context) -> None: ...

    one = Start()
    HOOKS.add(one)
    yield
    HOOKS.remove(one)


@pytest.mark.usefixtures("hooked")
def test_with_a_hook_none_does(bench: Bench) -> None:
    task(name="one")(print)
    assert plain_task(message("one"), bench) is None


# -- how it ends -------------------------------------------------------------------------------------


def fails(problem: BaseException) -> Callable[[int], None]:
    def function(number: int) -> None:
        raise problem

    return function


RUNS: dict[str, tuple[Callable[[int], Any], tuple[Any, ...], End]] = {
    "well": (lambda number: number, (1,), End.DONE),
    "an error": (fails(OSError("no")), (1,), End.FAILED),
    "an error that is given up on": (fails(KeyError("no")), (1,), End.FATAL),
    "a wish to be tried again": (fails(Retry(after=3)), (1,), End.RETRY),
    "an exit": (fails(SystemExit(3)), (1,), End.FATAL),
    "another type": (lambda number: number, ("a",), End.FATAL),
    "too many": (lambda number: number, (1, 2), End.FATAL),
}


def told(outcome: Outcome | None) -> tuple[End, str, int | None]:
    """What counts of it; None is the short word for all well."""
    return (outcome.end, outcome.error, outcome.after_ms) if outcome else (End.DONE, "", None)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("awaited", [False, True])
def test_both_ways_end_alike(bench: Bench, name: str, *, cancelled: bool, awaited: bool) -> None:
    function, args, end = RUNS[name]

    def blocks(number: int) -> Any:
        return function(number)

    async def waits(number: int) -> Any:
        await asyncio.sleep(0)
        return function(number)

    one: Task[Any, Any] = task(name="one", give_up_on=(KeyError,))(waits if awaited else blocks)
    call = message("one", *args)
    assert plain_task(call, bench) is one
    if cancelled:
        bench.cancelled.add("id")
    if awaited:
        long = asyncio.run(run_one(call, 1, 0, bench, "q"))
        short, took_ms = asyncio.run(run_plain(call, one, bench))
    else:
        long = run_here(call, 1, 0, bench)
        short, took_ms = run_plain_here(call, one, bench)
    assert told(short) == told(long)
    assert long.end is (End.CANCELLED if cancelled else end)
    assert took_ms >= 0
    if short is not None:
        assert 0 < short.started_ms <= short.ended_ms
        assert bool(short.trace) is bool(long.trace)


def test_a_run_that_is_cut_goes_back(bench: Bench) -> None:
    @task(name="one")
    async def one() -> None:
        await asyncio.sleep(60)

    async def cut() -> Outcome | None:
        bench.cutting = lambda: True
        running = asyncio.create_task(run_plain(message("one"), one, bench))
        await asyncio.sleep(0)
        running.cancel()
        return (await running)[0]

    outcome = asyncio.run(cut())
    assert outcome is not None
    assert outcome.end is End.CUT


# -- what it is called with ---------------------------------------------------------------------------


def numbers(whole: int, part: float, word: str, flag: bool, any_: Any) -> None: ...
def nothing() -> None: ...
def default(whole: int = 1) -> None: ...
def rest(*parts: int, **names: str) -> None: ...
def listed(parts: list[int]) -> None: ...


READ: list[tuple[Callable[..., Any], list[Any], dict[str, Any]]] = [
    (numbers, [1, 2, "a", True, [1]], {}),
    (numbers, [1, 2.5, "a", False, {"a": None}], {}),
    (numbers, [1, 2.5, "a"], {"flag": True, "any_": b"x"}),
    (numbers, [True, 2.5, "a", True, 1], {}),
    (numbers, ["1", 2.5, "a", True, 1], {}),
    (numbers, [1, "x", "a", True, 1], {}),
    (numbers, [1], {}),
    (nothing, [], {}),
    (nothing, [1], {}),
    (nothing, [], {"a": 1}),
    (default, [], {}),
    (default, [3], {}),
    (default, [], {"whole": 4}),
    (rest, [1, 2], {"a": "b"}),
    (rest, ["a"], {}),
    (listed, [[1, 2]], {}),
    (listed, [["a"]], {}),
]


@pytest.mark.parametrize(("function", "args", "kwargs"), READ)
def test_arguments_are_read_at_once_as_they_are_one_by_one(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
) -> None:
    signature, body = Signature("t", function), payload.encode(args, kwargs)

    def answer(read: Callable[[], Any]) -> Any:
        try:
            placed, named = read()
        except BadArguments as problem:
            return str(problem)
        return [(type(one), one) for one in placed], dict(named)

    slowly = answer(lambda: signature.place(signature.fit(*payload.decode(body)), {}))
    assert answer(lambda: signature.read(body)) == slowly
