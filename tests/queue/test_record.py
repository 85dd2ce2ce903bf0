"""Do records come back as they were, and do other bytes do no harm?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from onebeat.errors import BadPayload
from onebeat.queue.record import (
    LIVE,
    RECORDED,
    SIGNED,
    Header,
    Message,
    RetryPolicy,
    SingletonHead,
    event_line,
    id_of,
    pack,
    unpack,
)

SMALL = st.integers(0, 255)
TIMES = st.integers(0, (1 << 48) - 1)
WIDE = st.integers(-(1 << 63), (1 << 63) - 1)
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
HEADERS = st.builds(
    Header,
    task=TEXT,
    schedule=TEXT,
    nominal_ms=st.none() | WIDE,
    key=TEXT,
    expires_at_ms=st.none() | WIDE,
    timeout_ms=st.none() | WIDE,
    retries=st.none() | st.builds(RetryPolicy, max=SMALL, backoff=TEXT, delay_ms=WIDE, max_delay_ms=WIDE),
    singleton=st.none() | st.builds(SingletonHead, key=st.none() | TEXT, on_conflict=TEXT, lease_ms=WIDE),
)
MESSAGES = st.builds(
    Message,
    id=st.from_regex(r"[A-Za-z0-9_.:@+~-]{1,255}", fullmatch=True),
    header=HEADERS,
    body=st.binary(max_size=200),
    flags=SMALL.filter(lambda flags: not flags & SIGNED),
    deliveries=SMALL,
    attempt=SMALL,
    priority=st.integers(0, 3),
    enqueued_ms=TIMES,
)
PLAIN = Message(id="a", header=Header(task="t"), body=b"\x92\x90\x80")


@given(MESSAGES)
def test_there_and_back(message: Message) -> None:
    assert replace(unpack(pack(message)), stored=b"") == message
    assert id_of(pack(message)) == message.id


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_and_nothing_else_happens(stored: bytes) -> None:
    _refused_or_sound(stored)


@given(MESSAGES, st.data())
def test_bytes_with_a_flipped_bit(message: Message, data: st.DataObject) -> None:
    stored = bytearray(pack(message))
    bit = data.draw(st.integers(0, len(stored) * 8 - 1))
    stored[bit // 8] ^= 1 << (bit % 8)
    _refused_or_sound(bytes(stored))


@given(MESSAGES, st.data())
def test_cut_bytes(message: Message, data: st.DataObject) -> None:
    stored = pack(message)
    _refused_or_sound(stored[: data.draw(st.integers(0, len(stored)))])


def _refused_or_sound(stored: bytes) -> None:
    """Refused as BadPayload, or a message that can be stored again; its id needs no escape in JSON."""
    id_ = id_of(stored)
    assert event_line("ended", id_) == b'{"event":"ended","id":"' + id_.encode() + b'"}'
    try:
        message = unpack(stored)
    except BadPayload:
        return
    assert message.id == id_
    assert unpack(pack(message)) == message


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"id": ""}, "must be 1 to 255"),
        ({"id": "x" * 256}, "must be 1 to 255"),
        ({"id": "a b"}, "must be 1 to 255"),
        ({"id": 'a"'}, "must be 1 to 255"),
        ({"id": "#"}, "must be 1 to 255"),
        ({"id": "a\n"}, "must be 1 to 255"),
        ({"id": "ä"}, "must be 1 to 255"),
        ({"id": "\ud800"}, "must be 1 to 255"),
        ({"priority": 4}, "priority not 0 to 3"),
        ({"priority": -1}, "priority not 0 to 3"),
        ({"header": Header(task="t" * 65_536)}, "header is too long"),
        ({"flags": 256}, "a number does not fit its place"),
        ({"flags": -1}, "a number does not fit its place"),
        ({"deliveries": -1}, "a number does not fit its place"),
        ({"enqueued_ms": -1}, "a number does not fit its place"),
        ({"enqueued_ms": 1 << 48}, "a number does not fit its place"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(BadPayload, match=why):
        pack(replace(PLAIN, **changed))


def test_counts_stop_at_255() -> None:
    stored = unpack(pack(replace(PLAIN, deliveries=256, attempt=1_000)))
    assert (stored.deliveries, stored.attempt) == (255, 255)


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (b"", "0 bytes in the queue are not a onebeat record"),
        (b"\x02" + pack(PLAIN)[1:], "version 2 was written by another release"),
        (pack(PLAIN)[:4] + b"\x04" + pack(PLAIN)[5:], "id or priority"),
        (pack(PLAIN)[:14] + b"#" + pack(PLAIN)[15:], "id or priority"),
        (pack(PLAIN)[:16], "not a onebeat record"),
    ],
)
def test_what_cannot_be_read_is_refused(stored: bytes, why: str) -> None:
    with pytest.raises(BadPayload, match=why):
        unpack(stored)


def test_the_layout_that_lua_reads() -> None:
    """The offsets of the module's docstring, as bytes."""
    message = Message("s@9", Header(task="t"), b"B", RECORDED | LIVE, 4, 5, 2, 0x0102030405FF)
    stored = pack(message)
    assert stored[:11] == bytes([1, 3, 4, 5, 2, 1, 2, 3, 4, 5, 255])
    assert (stored[11], stored[14:17], stored[-1:]) == (3, b"s@9", b"B")
    assert int.from_bytes(stored[12:14], "big") == len(stored) - 14 - 3 - 1


def test_an_event_line_leaves_out_what_is_unknown() -> None:
    line = event_line("ended", "a", state="done", error=None, attempt=0)
    assert line == b'{"event":"ended","id":"a","state":"done","attempt":0}'
