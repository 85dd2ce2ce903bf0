"""What does a failure of the store mean for its caller? Pure.

One table for every error text that a server sends; everything else that redis-py raises is either
"no usable connection" (retry) or a bug (fatal). All scripts are idempotent, so RETRY is always safe.
"""

from __future__ import annotations

from dataclasses import dataclass

from onebeat.errors import Remedy, StoreError


@dataclass(frozen=True, slots=True)
class Failure:
    """One server error: the first word of its text, what follows, and the mend for a person."""

    word: str
    remedy: Remedy
    mend: str


FAILURES: tuple[Failure, ...] = (
    Failure("LOADING", Remedy.RETRY, "the server is reading its data; it will answer soon"),
    Failure("BUSY", Remedy.RETRY, "a script runs for too long on this server; look for foreign scripts"),
    Failure("TRYAGAIN", Remedy.RETRY, "slots are moving; it will answer soon"),
    Failure("CLUSTERDOWN", Remedy.RETRY, "the cluster has no quorum; look at its nodes"),
    Failure("MASTERDOWN", Remedy.RETRY, "the replica has no master; wait for the failover"),
    Failure("NOREPLICAS", Remedy.RETRY, "too few replicas; see min-replicas-to-write"),
    Failure("OOM", Remedy.RETRY, "the server's memory is full; raise maxmemory or drain the queues"),
    Failure("MISCONF", Remedy.RETRY, "the server cannot save to its disk; free space or mend its directory"),
    Failure("UNKILLABLE", Remedy.RETRY, "a foreign script wrote and cannot be stopped; restart the server"),
    Failure("READONLY", Remedy.RESOLVE, "this is a replica; connect to the master"),
    Failure(
        "MOVED",
        Remedy.RESOLVE,
        "the slot lives on another node; name a Cluster as redis+cluster://host:6379",
    ),
    Failure("ASK", Remedy.RESOLVE, "the slot is moving to another node"),
    Failure("CROSSSLOT", Remedy.FATAL, "a Cluster takes no keys of several slots in one call"),
    Failure("NOAUTH", Remedy.FATAL, "give the password in the URL: redis://:password@host:6379/0"),
    Failure("WRONGPASS", Remedy.FATAL, "correct the user name or password in the URL"),
    Failure("NOPERM", Remedy.FATAL, "the ACL user lacks a right; allow EVALSHA, EVAL and ob:* keys"),
    Failure(
        "WRONGTYPE", Remedy.FATAL, "a key of onebeat's was overwritten by something else; see docs/reference"
    ),
    Failure("NOSCRIPT", Remedy.RETRY, "the script cache was emptied; the script is sent again"),
    Failure("EXECABORT", Remedy.RETRY, "the transaction was refused; it is sent again"),
)
_BY_WORD = {failure.word: failure for failure in FAILURES}


def from_server(text: str) -> StoreError:
    """The error for a server's error reply."""
    word = text.split(" ", 1)[0].lstrip("-")
    known = _BY_WORD.get(word)
    if known is None:  # scripts answer e.g. "ERR ... -OOM command not allowed"
        known = next((f for f in FAILURES if f"-{f.word} " in text or f"{f.word} " in text[:64]), None)
    if known is None:
        return StoreError(f"the store refused: {text}", remedy=Remedy.FATAL)
    return StoreError(f"the store answered {text!r}: {known.mend}", remedy=known.remedy)


def from_connection(where: str, problem: BaseException) -> StoreError:
    """The error for a connection that failed or timed out; the call may or may not have run."""
    reason = str(problem) or type(problem).__name__
    return StoreError(
        f"no answer from the store at {where} ({reason}): is it running and reachable? "
        "set ONEBEAT_REDIS_URL or --redis, or start one with 'onebeat up'",
        remedy=Remedy.RETRY,
    )
