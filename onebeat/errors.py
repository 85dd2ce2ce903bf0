"""Which errors can onebeat raise, and what does each ask of its reader?

Every message says what happened, where, and how to mend it. `code` is stable (it may be searched
for and matched), `exit_code` is what the command line returns for it.
"""

from __future__ import annotations

from enum import Enum


class OnebeatError(Exception):
    """Base of every error that onebeat raises on purpose."""

    code = "OB000"
    exit_code = 1


# -- what a person wrote ---------------------------------------------------------------------------


class ConfigError(OnebeatError):
    """A file, an option or an environment variable says something that cannot be meant."""

    code = "OB100"
    exit_code = 2


class InvalidCron(ConfigError, ValueError):
    """A cron expression is wrong: `field` names the bad field, `column` its 1-based position."""

    code = "OB110"

    def __init__(self, message: str, *, field: str | None = None, column: int = 1) -> None:
        super().__init__(message)
        self.field = field
        self.column = column


class InvalidDuration(ConfigError, ValueError):
    """A length of time has no unit, an unknown unit, or is out of range."""

    code = "OB111"


class InvalidZone(ConfigError, ValueError):
    """A time zone is not a name of the IANA list."""

    code = "OB112"


class NotYetSupported(ConfigError):
    """The key is part of the language but this version does not act on it, so it refuses."""

    code = "OB120"


class InvalidName(ConfigError, ValueError):
    """A namespace, queue, schedule or lock name has characters that its keys cannot carry."""

    code = "OB130"


class UnknownTask(OnebeatError):
    """No imported module registers a task of this name."""

    code = "OB200"
    exit_code = 3


class BadPayload(OnebeatError, ValueError):
    """Arguments cannot be stored, or a stored record cannot be read."""

    code = "OB210"
    exit_code = 2


class BadArguments(BadPayload, TypeError):
    """Arguments do not fit the task's signature or its annotated types."""

    code = "OB211"


class BadResult(BadPayload):
    """What a task returned cannot be stored as its result."""

    code = "OB212"


class NotFound(OnebeatError):
    """No schedule, run, lock or message has this name."""

    code = "OB300"
    exit_code = 3


class WaitTimeout(OnebeatError):
    """What was waited for did not happen in the time that was given."""

    code = "OB310"
    exit_code = 6


class RunFailed(OnebeatError):
    """The run that was waited for ended, and was not done.

    `state` says how it ended (dead, skipped, expired, cancelled); of a dead one `kind` is the name of the
    exception's type, `text` what it said, and `reason` why it was not tried again.
    """

    code = "OB320"
    exit_code = 7

    def __init__(
        self, message: str, *, state: str = "", kind: str = "", text: str = "", reason: str = ""
    ) -> None:
        super().__init__(message)
        self.state, self.kind, self.text, self.reason = state, kind, text, reason


class RunCancelled(RunFailed):
    """The run that was waited for was cancelled."""

    code = "OB321"


class NoResult(OnebeatError):
    """No result is kept of this message: nobody asked for it, its time is over, or it is not known."""

    code = "OB330"
    exit_code = 3


class Refused(OnebeatError):
    """The request is understood and deliberately not carried out."""

    code = "OB400"
    exit_code = 4


# -- the store -------------------------------------------------------------------------------------


class Remedy(Enum):
    """What a caller of the store does about a failure."""

    RETRY = "wait and send the same call again"
    RESOLVE = "reconnect, perhaps elsewhere, then send the same call again"
    FATAL = "stop and tell the operator"


class StoreError(OnebeatError):
    """The store did not answer, or answered with an error; `remedy` says what follows."""

    code = "OB500"
    exit_code = 5

    def __init__(self, message: str, *, remedy: Remedy = Remedy.FATAL) -> None:
        super().__init__(message)
        self.remedy = remedy


class NotConfirmed(StoreError):
    """A call is queued, and not as durable as its sender asked for; it may be run."""

    code = "OB501"


# -- locks -----------------------------------------------------------------------------------------


class LockError(OnebeatError):
    """Base of the errors of `onebeat.locks`."""

    code = "OB600"


class LockTimeout(LockError):
    """The lock did not become free within the wait that was asked for."""

    code = "OB601"
    exit_code = 6


class LockHeld(LockError):
    """A singleton with `on_conflict="fail"` found its lock held; `holder` is who had it, if it still did."""

    code = "OB602"
    exit_code = 4

    def __init__(self, message: str, *, holder: object = None) -> None:
        super().__init__(message)
        self.holder = holder


class AlreadyQueued(LockError):
    """A singleton with `scope="queued"` and `on_conflict="fail"` is queued already, as message `id`."""

    code = "OB605"
    exit_code = 4

    def __init__(self, message: str, *, id: str) -> None:
        super().__init__(message)
        self.id = id


class LeaseLost(LockError):
    """The lease ended, or was taken, before the work under it was over."""

    code = "OB603"


class ForkedHandle(LockError):
    """A lock handle made in one process is used in another one."""

    code = "OB604"


# -- effects ---------------------------------------------------------------------------------------


class EffectError(OnebeatError):
    """Base of the errors of the ledger."""

    code = "OB700"


class Fenced(EffectError):
    """A newer holder registered a higher fence for this resource: nothing may be written."""

    code = "OB701"


class IdempotencyConflict(EffectError):
    """The same idempotency key was used before with other arguments."""

    code = "OB702"


class LedgerMisuse(EffectError):
    """A handler ended the transaction that onebeat opened for it."""

    code = "OB703"
