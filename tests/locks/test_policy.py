"""Which lock name does a call get, and which singletons are refused before they ever run?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from onebeat.errors import BadArguments, ConfigError, LockHeld, LockTimeout
from onebeat.locks import OnConflict, Singleton, singleton
from onebeat.locks.key import default_key
from onebeat.locks.policy import conflict, policy_of


def report(day: date, kind: str = "daily", *extra: int, **more: str) -> None:
    """A function to make keys for."""


def plain() -> None:
    """One without parameters."""


@dataclass
class Shop:
    id: int


class Owner:
    def method(self, shop: Shop) -> None:
        """A method."""


DAY = date(2026, 7, 9)


@pytest.mark.parametrize(
    ("key", "fn", "args", "kwargs", "name"),
    [
        (None, report, (DAY,), {}, f"{__name__}:report"),
        (None, Owner.method, (), {}, f"{__name__}:Owner.method"),
        ("report", report, (DAY,), {}, "report"),
        ("report:{day}", report, (DAY,), {}, "report:2026-07-09"),
        ("report:{day}", report, (), {"day": DAY}, "report:2026-07-09"),
        ("{day:%Y}:{kind}", report, (DAY,), {}, "2026:daily"),
        ("{kind}", report, (DAY, "weekly"), {}, "weekly"),
        ("{kind}", report, (), {"kind": "weekly"}, "weekly"),  # a worker adds what is missing
        ("{extra[1]}{more[x]}", report, (DAY, "k", 5, 6), {"x": "y"}, "6y"),
        ("shop:{shop.id}", Owner.method, (Owner(), Shop(7)), {}, "shop:7"),
        ("{{literal}}", plain, (), {}, "{literal}"),
        (lambda day: f"d{day.day}", report, (DAY,), {}, "d9"),
    ],
)
def test_keys(key: Any, fn: Callable[..., Any], args: Any, kwargs: Any, name: str) -> None:
    policy = Singleton(key)
    policy.check(fn)
    assert policy.key_for(fn, args, kwargs) == name


@pytest.mark.parametrize(
    ("key", "args", "complaint"),
    [
        ("{day}", (), "needs|day"),
        ("{day.nothing}", (DAY,), "AttributeError"),
        ("{extra[9]}", (DAY,), "IndexError"),
        ("{day:%Y}", (DAY, 1, 2, 3), None),
    ],
)
def test_a_key_that_cannot_be_made(key: str, args: Any, complaint: str | None) -> None:
    policy = Singleton(key)
    policy.check(report)
    if complaint is None:
        assert policy.key_for(report, args, {}) == "2026"
        return
    with pytest.raises(BadArguments, match=complaint):
        policy.key_for(report, args, {})


@pytest.mark.parametrize(
    ("options", "fn", "error", "complaint"),
    [
        ({"key": "{dya}"}, report, ConfigError, "no parameter 'dya'; use one of day, kind, extra, more"),
        ({"key": "{x}"}, plain, ConfigError, "it has none"),
        ({"key": "{}"}, report, ConfigError, "no parameter ''"),
        ({"key": "{0}"}, report, ConfigError, "no parameter '0'"),
        ({"key": "{day:{width}}"}, report, ConfigError, "no parameter 'width'"),
        ({"key": "{day"}, report, ConfigError, "no template"),
        ({"on_conflict": "explode"}, plain, ConfigError, "use one of skip, wait, fail"),
        ({"on_conflict": "wait"}, plain, ConfigError, "say how long"),
        ({"keep": "last"}, plain, ConfigError, "it needs on_conflict='park'"),
        ({"on_conflict": "park", "keep": "two"}, plain, ConfigError, "use one of all, last"),
        ({"scope": "queue"}, plain, ConfigError, "use one of run, queued"),
        (
            {"on_conflict": "replace", "scope": "queued"},
            plain,
            ConfigError,
            "nothing would ever be replaced; use scope='run'",
        ),
        ({"lease": 0}, plain, ConfigError, "a lease of 0"),
        ({"wait": -1}, plain, ConfigError, "a wait of -1"),
    ],
)
def test_mistakes_are_found_at_decoration(
    options: dict[str, Any], fn: Any, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        singleton(**options)(fn)


def test_generators_are_refused() -> None:
    def rows() -> Any:
        yield 1

    async def arows() -> Any:
        yield 1

    for fn in (rows, arows):
        with pytest.raises(ConfigError, match="generator"):
            singleton(fn)


@pytest.mark.parametrize(
    ("on_conflict", "error"), [("skip", None), ("wait", LockTimeout), ("fail", LockHeld)]
)
def test_what_follows_a_conflict(on_conflict: str, error: type[Exception] | None) -> None:
    found = conflict(policy_of(None, on_conflict, 1.0, 10.0, 0.0), "l", None)
    assert found is None if error is None else type(found) is error


def test_the_decorator_leaves_its_policy_and_the_function() -> None:
    wrapped: Any = singleton(key="{day}", on_conflict="wait", wait=2, lease=3, at_least=1)(report)
    assert wrapped.__onebeat_singleton__ == Singleton("{day}", OnConflict.WAIT, 2, 3, 1)
    assert wrapped.__wrapped__ is report
    assert default_key(wrapped) == default_key(report)
    assert wrapped.__onebeat_singleton__.key_for(wrapped, (DAY,), {}) == "2026-07-09"


class FakeTask:
    __onebeat_task__ = True
    singleton: Singleton | None = None

    def __call__(self, day: date) -> None:
        """What the worker runs."""


def test_a_task_is_locked_by_its_worker() -> None:
    task = FakeTask()
    assert singleton(key="{day}")(task) is task
    assert task.singleton == Singleton("{day}")
    with pytest.raises(ConfigError, match="no parameter 'x'"):
        singleton(key="{x}")(FakeTask())
