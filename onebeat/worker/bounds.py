"""What bounds the runs of a task, over all workers: how many at once, and how many in a time? Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from msgspec.structs import replace

from onebeat.errors import BadArguments, ConfigError
from onebeat.locks.key import KeyRule, check_key, key_of
from onebeat.queue.record import LIMITED, BoundsHead, ConcurrencyHead, Message
from onebeat.worker.rates import Pace, Rate
from onebeat.worker.rule import read_rule

LIMIT_MAX = 10_000
KEY_MAX = 1024  # characters
_EXAMPLE = 'a mapping such as {"key": "{tenant}", "limit": 2}'


class Concurrency(TypedDict, total=False):
    """`limit` runs of one `key` at once; the key as that of `@singleton`, the task's name when absent."""

    key: KeyRule
    limit: int


@dataclass(frozen=True, slots=True)
class Slots:
    """What `@task(concurrency=…)` says; a message carries it in its header."""

    key: KeyRule
    limit: int

    @classmethod
    def read(cls, said: Concurrency) -> Slots:
        """From what was written.

        Raises:
            ConfigError: it cannot be meant.
        """
        rule = read_rule(said, ("key", "limit"), kind="concurrency", example=_EXAMPLE)
        limit = rule.get("limit")
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= LIMIT_MAX:
            raise ConfigError(f"concurrency limit {limit!r} must be a whole number from 1 to {LIMIT_MAX}")
        return cls(rule.get("key"), limit)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What bounds a task; at least one of both."""

    slots: Slots | None
    pace: Pace | None

    @classmethod
    def read(cls, concurrency: Concurrency | None, rate: str | Rate | None) -> Bounds | None:
        """From what was written; None when nothing was.

        Raises:
            ConfigError: it cannot be meant.
        """
        if concurrency is None and rate is None:
            return None
        slots = None if concurrency is None else Slots.read(concurrency)
        return cls(slots, None if rate is None else Pace.read(rate))

    def check(self, fn: Callable[..., Any]) -> None:
        """Return if the keys can be made from the parameters of `fn`.

        Raises:
            ConfigError: one names something else.
        """
        for kind, one in (("concurrency", self.slots), ("rate", self.pace)):
            if one is not None:
                check_key(one.key, fn, kind=kind, written=f"{kind} key {one.key!r}")

    def put(
        self,
        message: Message,
        task: str,
        fn: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Message:
        """`message`, a call of `fn`, the function of `task`, with its bounds in it; not signed any more.

        Raises:
            BadArguments: a key cannot be made of these arguments, or is not text of 1 to `KEY_MAX`.
        """

        def key(rule: KeyRule, kind: str) -> str:
            return _checked(task if rule is None else key_of(rule, fn, args, kwargs, kind=kind), task, kind)

        slots, pace = self.slots, self.pace
        header = replace(
            message.header,
            bounds=BoundsHead(
                ConcurrencyHead(key(slots.key, "concurrency"), slots.limit) if slots else None,
                pace.head(key(pace.key, "rate")) if pace else None,
            ),
        )
        return replace(message, header=header, flags=message.flags | LIMITED, stored=b"", seal=b"")


def _checked(key: object, task: str, kind: str) -> str:
    if not isinstance(key, str) or not 0 < len(key) <= KEY_MAX:
        raise BadArguments(
            f"the {kind} key of {task} is {key!r:.80}: it must be text of 1 to {KEY_MAX} characters"
        )
    return key
