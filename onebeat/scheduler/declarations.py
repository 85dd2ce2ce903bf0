"""Which schedules did programs make, and how does one change them so that nothing is lost or done twice?

They are in one hash of the namespace, each with the revision at which it was written last. Every change
counts the revision of all of them on, in the same step, and is written only if the schedule still is as
it was read. So two who change the same one do it one after the other, and a call whose reply was lost
finds its own text when it is sent again.

A beat emits them under the revision that it read (`annex.py`). Before an answer goes to the caller, the
queue of the schedule learns of the new revision (`revise`): from then on no beat acts on the older one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from onebeat.errors import NotFound, Refused
from onebeat.keys import SpaceKeys, queue_keys
from onebeat.queue.emission import revise
from onebeat.queue.known import make_known
from onebeat.queue.signing import NO_KEYS, KeyRing
from onebeat.wire import Command, Protocol, insist, load_all

(DECLARE,) = load_all("scheduler", ("declare",))
MANY = 10_000  # schedules that programs may make in one namespace
ALL = "#"  # the field that counts; what begins with it is no id
_SEALED = "\n~"  # between a text and its seal; JSON has no line break here
_TRIES = 20  # for a change that others overtake again and again
_LOOKS = 5
_PAGE = 512


@dataclass(frozen=True, slots=True)
class Made:
    """One schedule of a program: `text` is its JSON, `born_ms` when it was made, Redis ms.

    `seal` says that one of us wrote the text: whoever can write to Redis could make schedules too, and a beat
    would sign what they queue.
    """

    revision: int
    born_ms: int
    text: str
    seal: str = ""


@dataclass(frozen=True, slots=True)
class AllMade:
    """All of them by id, at one revision (0: nobody ever made one)."""

    revision: int = 0
    schedules: Mapping[str, Made] = field(default_factory=dict)


def revision_of(space: SpaceKeys, *, within_s: float) -> Protocol[int]:
    """The revision of them all."""
    told = yield from insist(Command(("HGET", space.schedules, ALL)), within_s=within_s)
    return int(told or 0)


def look(space: SpaceKeys, *, within_s: float) -> Protocol[AllMade | None]:
    """All of them as they were at one moment; None when they changed whenever one looked."""
    for _ in range(_LOOKS):
        before = yield from revision_of(space, within_s=within_s)
        found: dict[str, Made] = {}
        place: Any = 0
        while True:
            page = Command(("HSCAN", space.schedules, place, "COUNT", _PAGE))
            place, entries = yield from insist(page, within_s=within_s)
            if not isinstance(entries, dict):  # some drivers make pairs of the answer
                entries = dict(zip(entries[::2], entries[1::2], strict=True))
            found |= {id_.decode(): _read(told) for id_, told in entries.items() if id_[:1] != b"#"}
            if int(place) == 0:
                break
        if before == (yield from revision_of(space, within_s=within_s)):
            return AllMade(before, found)
    return None


def one(space: SpaceKeys, id_: str, *, within_s: float) -> Protocol[Made | None]:
    """The schedule `id_`; None when no program made it."""
    told = yield from insist(Command(("HGET", space.schedules, id_)), within_s=within_s)
    return _read(told) if told else None


def create(
    space: SpaceKeys,
    namespace: str,
    id_: str,
    text: str,
    queue: str,
    ring: KeyRing = NO_KEYS,
    *,
    within_s: float,
) -> Protocol[bool]:
    """Make the schedule `id_`; False when it is there, word for word.

    Raises:
        Refused: it is there and says something else, or there are too many.
    """
    sealed = _sealed(space, id_, text, ring)
    for _ in range(_TRIES):
        made, known = yield from _begin(space, namespace, id_, sealed, queue, within_s)
        if made:
            return True
        if known is not None and known.text == text:
            return False
        if known is not None:
            raise Refused(
                f"a program has made a schedule {id_!r} already, and it says something else: "
                "'update' changes it, 'delete' makes room"
            )
    raise _in_motion(id_)


def _begin(
    space: SpaceKeys, namespace: str, id_: str, sealed: str, queue: str, within_s: float
) -> Protocol[tuple[bool, Made | None]]:
    """Make `id_` if it is not there: whether that was done, and what is there; neither when a schedule was
    deleted meanwhile."""
    now = yield from revision_of(space, within_s=within_s)  # first: what is made after the look is newer
    known = yield from one(space, id_, within_s=within_s)
    if known is not None:
        return False, known
    # what a schedule of this id left behind is not this one's; who deleted it may have died on the way
    yield from revise(queue_keys(namespace, queue), now, id_, within_s=within_s)
    yield from make_known(space, queue, within_s=within_s)
    done, told = yield from _declare(space, id_, sealed, None, within_s, asof=now)
    if done == "full":
        raise Refused(f"programs have made {MANY} schedules, which is all there may be: delete some")
    return done == "done", _read(told) if done == "other" else None


def update(
    space: SpaceKeys,
    namespace: str,
    id_: str,
    change: Callable[[str], tuple[str, str]],
    ring: KeyRing = NO_KEYS,
    *,
    expected: int | None = None,
    within_s: float,
) -> Protocol[Made]:
    """Change the schedule `id_` to what `change` makes of its text: the new text and its queue.

    `expected`: only if its revision still is this one. Where it is and whether it is paused stays.

    Raises:
        NotFound: no program made it. Refused: it is not at the revision `expected`.
        Exception: what `change` raises.
    """
    sent: str | None = None
    for _ in range(_TRIES):
        known = yield from one(space, id_, within_s=within_s)
        if known is None:
            raise missing(id_)
        if expected is not None and known.revision != expected and known.text != sent:
            raise Refused(
                f"{id_!r} was changed by somebody else: it is at revision {known.revision}, not {expected}; "
                "read it again with 'describe'"
            )
        sent, queue = change(known.text)
        if sent == known.text:
            yield from _close(space, namespace, queue, within_s)
            return known
        done, told = yield from _declare(space, id_, _sealed(space, id_, sent, ring), known, within_s)
        if done == "done":
            yield from revise(queue_keys(namespace, queue), int(told), within_s=within_s)
            return Made(int(told), known.born_ms, sent)
    raise _in_motion(id_)


def delete(
    space: SpaceKeys, namespace: str, id_: str, queue_of: Callable[[str], str], *, within_s: float
) -> Protocol[bool]:
    """Remove the schedule `id_` and its state; False when there was none. Its history stays."""
    last: Made | None = None
    for _ in range(_TRIES):
        now = yield from revision_of(space, within_s=within_s)  # first: what is made after the look is newer
        known = yield from one(space, id_, within_s=within_s)
        if known is None and last is None:
            return False
        if known is not None:
            last = known
            done, told = yield from _declare(space, id_, "", known, within_s)
            if done != "done":
                continue
            now = int(told)
        assert last is not None
        yield from revise(queue_keys(namespace, queue_of(last.text)), now, id_, within_s=within_s)
        return True
    raise _in_motion(id_)


def renumber(space: SpaceKeys, revision: int, least: int, *, within_s: float) -> Protocol[None]:
    """Count on to `least` or more, if `revision` still is the newest: the store lost what came after it."""
    call = _call(space, ALL, "", str(revision) if revision else "", least)
    yield from insist(call, within_s=within_s)


def missing(id_: str) -> NotFound:
    """Nobody made `id_`."""
    return NotFound(f"no program has made a schedule {id_!r}: 'list' names those that there are")


def _in_motion(id_: str) -> Refused:
    return Refused(f"{id_!r} is changed by others without a pause: try again later")


def _close(space: SpaceKeys, namespace: str, queue: str, within_s: float) -> Protocol[None]:
    """No beat acts on an older revision from here on; what the call before a lost reply did not get to."""
    now = yield from revision_of(space, within_s=within_s)
    yield from revise(queue_keys(namespace, queue), now, within_s=within_s)


def _declare(
    space: SpaceKeys, id_: str, text: str, known: Made | None, within_s: float, asof: int = 0
) -> Protocol[tuple[str, str]]:
    expected = "" if known is None else str(known.revision)
    done, told = yield from insist(_call(space, id_, text, expected, 0, asof), within_s=within_s)
    return done.decode(), told.decode()


def _call(space: SpaceKeys, id_: str, text: str, expected: str, least: int, asof: int = 0) -> Any:
    return DECLARE.call(
        schedules=space.schedules,
        id=id_,
        entry=text,
        expected=expected,
        least=least,
        many=MANY,
        asof=asof,
    )


def _read(told: bytes | str) -> Made:
    text = told if isinstance(told, str) else told.decode()
    revision, born_ms, entry = text.split(" ", 2)
    entry, _, seal = entry.partition(_SEALED)
    return Made(int(revision), int(born_ms), entry, seal)


def _sealed(space: SpaceKeys, id_: str, text: str, ring: KeyRing) -> str:
    seal = ring.seal_text(place_of(space, id_), text)
    return f"{text}{_SEALED}{seal}" if seal else text


def place_of(space: SpaceKeys, id_: str) -> str:
    """Where the seal of a schedule holds."""
    return f"{space.schedules} {id_}"
