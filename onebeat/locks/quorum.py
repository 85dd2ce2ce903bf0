"""When does a majority of independent servers hold a lock for its holder, and with which fence?

The lock is held while more than half of the servers hold it (Redlock, S. Sanfilippo), each with a lease
that its own keeper renews. Two things are stricter here:

- The fence is the highest that a member of the majority gave, and is written back to a majority before
  the lock is believed. The next majority shares a server with this one, so its fence is higher.
- A server whose data is younger than a lease does not count, because it may have forgotten a holder;
  unless all of them are that young, which is a new installation.

A protocol here asks several servers at once: it yields `Everywhere` and is sent what each answered.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias, TypeVar

from onebeat.clock import Clock
from onebeat.errors import Remedy, StoreError
from onebeat.keys import LockKeys
from onebeat.locks.calls import Attempt, ask, give_up, text_of
from onebeat.locks.protocol import Released
from onebeat.locks.validity import believed_until_s
from onebeat.wire import Call, Pause, load
from onebeat.wire.patience import backoff_s

WITNESS = load("locks", "witness")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Everywhere:
    """Make these calls at once, each at its server (by place); an unanswered one is a StoreError."""

    calls: Mapping[int, Call]


Answers: TypeAlias = dict[int, Any]
Ballot: TypeAlias = Generator[Everywhere | Pause, Answers, T]


@dataclass(frozen=True, slots=True)
class Majority:
    """Which servers hold the lock, by place, with which fence; monotonic seconds as in `Grant`."""

    attempt: Attempt
    places: tuple[int, ...]
    fence: int
    sent_s: float
    until_s: float


def majority_of(count: int) -> int:
    """More than half of `count`."""
    return count // 2 + 1


def acquire(
    new_attempt: Callable[[], Attempt],
    servers: int,
    born: str,
    wait_s: float | None,
    clock: Clock,
    luck: Callable[[], float],
) -> Ballot[Majority | None]:
    """Get a majority within `wait_s` seconds (None: without limit); None when there was none.

    Raises:
        StoreError: more than a minority of the servers did not answer, in the last round.
    """
    until_s = None if wait_s is None else clock.mono_s() + wait_s
    for tried in count(1):
        attempt, answers = new_attempt(), Answers()
        try:
            found = yield from _round(attempt, servers, born, clock, answers)
        except GeneratorExit:  # nobody performs any more
            raise
        except BaseException:
            yield from _everywhere(attempt, range(servers), "abandon")
            raise
        if found is not None:
            return found
        # where another holds it there is nothing to give back
        perhaps = [place for place, answer in answers.items() if not _is_refusal(answer)]
        yield from _everywhere(attempt, perhaps, "abandon")
        pause_s = backoff_s(tried, luck())  # two who split the servers try again after different waits
        if until_s is not None and clock.mono_s() + pause_s >= until_s:
            _insist_on_answers(answers, servers)
            return None
        yield Pause(pause_s)
    raise AssertionError("it counts for ever")


def _round(
    attempt: Attempt, servers: int, born: str, clock: Clock, answers: Answers
) -> Ballot[Majority | None]:
    needed, sent_s = majority_of(servers), clock.mono_s()
    answers |= yield Everywhere({place: ask(attempt, 0) for place in range(servers)})
    votes = {place: int(answer[1]) for place, answer in answers.items() if _is_vote(answer)}
    if len(votes) < needed:
        return None
    fence = max(votes.values())
    witness = _witness(attempt, born, fence)
    heard = yield Everywhere(dict.fromkeys(votes, witness))
    holding = {
        place: int(answer[1])
        for place, answer in heard.items()
        if not isinstance(answer, StoreError) and answer[0] == 1
    }
    young = {place for place, age_ms in holding.items() if age_ms < attempt.lease_ms}
    counted = holding if len(young) == servers else holding.keys() - young
    until_s = believed_until_s(sent_s, clock.mono_s(), attempt.lease_ms / 1000)
    if len(counted) < needed or until_s <= clock.mono_s():
        return None
    return Majority(attempt, tuple(sorted(counted)), fence, sent_s, until_s)


def _is_vote(answer: Any) -> bool:
    return not isinstance(answer, StoreError) and text_of(answer[0]) == "held"


def _is_refusal(answer: Any) -> bool:
    return not isinstance(answer, StoreError) and not _is_vote(answer)


def _witness(attempt: Attempt, born: str, fence: int) -> Call:
    keys = attempt.keys
    assert isinstance(keys, LockKeys)
    return WITNESS.call(owner=keys.owner, state=keys.state, born=born, token=attempt.token, fence=fence)


def _insist_on_answers(answers: Answers, servers: int) -> None:
    """Return if enough servers are there to tell; StoreError otherwise."""
    silent = {place: answer for place, answer in answers.items() if isinstance(answer, StoreError)}
    if servers - len(silent) < majority_of(servers):
        first = next(iter(silent.values()))
        raise StoreError(
            f"{len(silent)} of the {servers} servers of a quorum did not answer; the first one: {first}",
            remedy=Remedy.RETRY,
        )


def release(attempt: Attempt, servers: int) -> Ballot[Released]:
    """Give it back everywhere, also where the vote came too late to count.

    Raises:
        StoreError: too few servers answered to know; it is free when its leases end.
    """
    answers = yield from _everywhere(attempt, range(servers), "release")
    found = [
        Released(text_of(answer[0])) for answer in answers.values() if not isinstance(answer, StoreError)
    ]
    needed = majority_of(servers)
    if sum(one is not Released.NOT_YOURS for one in found) >= needed:
        return Released.DONE if Released.DONE in found else Released.ALREADY
    if len(found) < needed:
        _insist_on_answers(answers, servers)
    return Released.NOT_YOURS


def _everywhere(attempt: Attempt, places: Iterable[int], how: str) -> Ballot[Answers]:
    call = give_up(attempt.keys, attempt.token, how)
    return (yield Everywhere(dict.fromkeys(places, call)))
