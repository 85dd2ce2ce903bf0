"""How many runs of a key may there be at once, over all workers? Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from msgspec.structs import replace

from onebeat.errors import BadArguments, ConfigError
from onebeat.locks.key import KeyRule, check_key, key_of
from onebeat.queue.record import LIMITED, ConcurrencyHead, Message

LIMIT_MAX = 10_000
KEY_MAX = 1024  # characters
_EXAMPLE = '{"key": "{tenant}", "limit": 2}'


class Concurrency(TypedDict, total=False):
    """`limit` runs of one `key` at once; the key as that of `@singleton`, the task's name when absent."""

    key: KeyRule
    limit: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What `@task(concurrency=…)` says; a message carries it in its header."""

    key: KeyRule
    limit: int

    @classmethod
    def read(cls, said: Concurrency | None) -> Bounds | None:
        """From what was written; None when nothing was.

        Raises:
            ConfigError: it cannot be meant.
        """
        if said is None:
            return None
        if not isinstance(said, Mapping):
            raise ConfigError(f"concurrency {said!r:.80} must be a mapping such as {_EXAMPLE}")
        for name in said:
            if name not in ("key", "limit"):
                close = difflib.get_close_matches(str(name), ("key", "limit"), n=1)
                raise ConfigError(
                    f"concurrency has no {name!r}: {f'did you mean {close[0]!r}?' if close else _EXAMPLE}"
                )
        key, limit = said.get("key"), said.get("limit")
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= LIMIT_MAX:
            raise ConfigError(f"concurrency limit {limit!r} must be a whole number from 1 to {LIMIT_MAX}")
        if key is not None and not callable(key) and not (isinstance(key, str) and key):
            raise ConfigError(f"concurrency key {key!r:.80} must be text such as 'tenant:{{tenant}}'")
        return cls(key, limit)

    def check(self, fn: Callable[..., Any]) -> None:
        """Return if the key can be made from the parameters of `fn`.

        Raises:
            ConfigError: it names something else.
        """
        check_key(self.key, fn, kind="concurrency", written=f"concurrency key {self.key!r}")

    def head(
        self, task: str, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> ConcurrencyHead:
        """What the header of a call of `fn`, the function of `task`, says.

        Raises:
            BadArguments: the key cannot be made of these arguments, or is not text of 1 to `KEY_MAX`.
        """
        key = task if self.key is None else key_of(self.key, fn, args, kwargs, kind="concurrency")
        if not isinstance(key, str) or not 0 < len(key) <= KEY_MAX:
            raise BadArguments(
                f"the concurrency key of {task} is {key!r:.80}: it must be text of 1 to {KEY_MAX} characters"
            )
        return ConcurrencyHead(key, self.limit)


def bounded(message: Message, head: ConcurrencyHead) -> Message:
    """`message` with `head` in its header; not signed any more."""
    header = replace(message.header, concurrency=head)
    return replace(message, header=header, flags=message.flags | LIMITED, stored=b"", seal=b"")
