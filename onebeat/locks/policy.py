"""Under which lock name does a call run, and what follows when it is held? Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from onebeat.errors import ConfigError, LockHeld, LockTimeout
from onebeat.locks.key import KeyRule, check_key, key_of
from onebeat.locks.view import Holder


class OnConflict(StrEnum):
    """What a call does when the lock is held, after it waited for `wait` seconds."""

    SKIP = "skip"  # return None without running
    WAIT = "wait"  # raise LockTimeout
    FAIL = "fail"  # raise LockHeld
    PARK = "park"  # wait in the queue, without a worker; for tasks only
    REPLACE = "replace"  # ask for the end of the run that holds it, wait for that; for tasks only


class Keep(StrEnum):
    """How many calls of one key stay parked."""

    ALL = "all"
    LAST = "last"  # the youngest one; those before it are skipped


class Scope(StrEnum):
    """For how long a call is the only one of its key."""

    RUN = "run"  # while it runs
    QUEUED = "queued"  # from when it is queued until it is over; refuses to queue another one


@dataclass(frozen=True, slots=True)
class Singleton:
    """How `@singleton` was written on a function. `key` None is the function's qualified name."""

    key: KeyRule = None
    on_conflict: OnConflict = OnConflict.SKIP
    wait_s: float = 0.0
    lease_s: float = 10.0
    at_least_s: float = 0.0
    scope: Scope = Scope.RUN
    keep: Keep = Keep.ALL

    @property
    def patience_s(self) -> float:
        """For how many seconds a call waits; by default one that replaces waits for a lease."""
        return self.wait_s or (self.lease_s if self.on_conflict is OnConflict.REPLACE else 0.0)

    def key_for(self, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """The name of the lock for this call of `fn`. Arguments that a worker adds may be missing.

        Raises:
            BadArguments: they do not fit `fn`, or the key needs one that is missing.
        """
        return key_of(self.key, fn, args, kwargs, kind="singleton")

    def check(self, fn: Callable[..., Any]) -> None:
        """Return if the key can be made from the parameters of `fn`.

        Raises:
            ConfigError: it names something else; the message has the parameters.
        """
        check_key(self.key, fn, kind="singleton", written=f"@singleton(key={self.key!r})")


def policy_of(
    key: KeyRule,
    on_conflict: str,
    wait_s: float,
    lease_s: float,
    at_least_s: float,
    scope: str = Scope.RUN,
    keep: str = Keep.ALL,
) -> Singleton:
    """The checked policy.

    Raises:
        ConfigError: an unknown word, or options that contradict each other.
    """
    if on_conflict not in list(OnConflict):
        raise ConfigError(f"@singleton(on_conflict={on_conflict!r}): use one of {', '.join(OnConflict)}")
    if on_conflict == OnConflict.WAIT and not wait_s > 0:
        raise ConfigError("@singleton(on_conflict='wait') needs wait=<seconds>: say how long")
    if scope not in list(Scope):
        raise ConfigError(f"@singleton(scope={scope!r}): use one of {', '.join(Scope)}")
    if scope == Scope.QUEUED and on_conflict == OnConflict.REPLACE:
        raise ConfigError(
            "@singleton(scope='queued', on_conflict='replace'): a second call is refused while the first is "
            "queued or runs, so nothing would ever be replaced; use scope='run'"
        )
    if keep not in list(Keep):
        raise ConfigError(f"@singleton(keep={keep!r}): use one of {', '.join(Keep)}")
    if keep != Keep.ALL and on_conflict != OnConflict.PARK:
        raise ConfigError(f"@singleton(keep={keep!r}) is about parked calls: it needs on_conflict='park'")
    return Singleton(key, OnConflict(on_conflict), wait_s, lease_s, at_least_s, Scope(scope), Keep(keep))


def needs_worker(policy: Singleton, name: str) -> ConfigError | None:
    """Why a plain call of the function `name`, outside of a worker, cannot do what its policy says."""
    if policy.scope is Scope.QUEUED:
        return ConfigError(
            f"@singleton(scope='queued') on {name}: a plain call is never queued; make it a task with @task "
            "above @singleton and call .delay(), or use scope='run'"
        )
    if policy.on_conflict is OnConflict.REPLACE:
        return ConfigError(
            f"@singleton(on_conflict='replace') on {name}: only a worker can end the run that holds it; make "
            "it a task with @task above @singleton and call .delay(), or use on_conflict='wait'"
        )
    if policy.on_conflict is OnConflict.PARK:
        return ConfigError(
            f"@singleton(on_conflict='park') on {name}: a plain call has no place in a queue; make it a task "
            "with @task above @singleton and call .delay(), or use on_conflict='wait'"
        )
    return None


def conflict(policy: Singleton, name: str, holder: Holder | None) -> LockHeld | LockTimeout | None:
    """The error of a call that found lock `name` held; None when it is skipped."""
    held = f"held by {holder}" if holder else "held until a moment ago"
    if policy.on_conflict is OnConflict.SKIP:
        return None
    if policy.on_conflict is OnConflict.FAIL:
        told = f"singleton {name!r} is {held}: this call did not run; call again when it is over"
        return LockHeld(told, holder=holder)
    return LockTimeout(
        f"singleton {name!r} is {held}: this call waited {policy.patience_s} s and did not run"
    )
