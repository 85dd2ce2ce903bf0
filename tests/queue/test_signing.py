"""Is a record believed exactly when one of our keys made its seal, for this very queue?"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from pathlib import Path

import msgspec
import pytest

from onebeat.errors import ConfigError
from onebeat.queue.record import SIGNED_FROM, Header, Message, pack, unpack
from onebeat.queue.signing import FILE, KEYS, KeyRing, Unsigned, ring_from

PLACE, OTHER = "ob:{onebeat:default}", "ob:{onebeat:slow}"
OLD, NEW = b"o" * 32, b"n" * 33
PLAIN = pack(Message("a@1", Header("t:f", schedule="a", nominal_ms=1), b"\x92\x90\x80", 3, priority=1))
RING = KeyRing((NEW,))
SIGNED = RING.seal(PLACE, PLAIN)


def text(*keys: bytes) -> str:
    return ",".join(urlsafe_b64encode(key).decode().rstrip("=") for key in keys)


def believed(ring: KeyRing, record: bytes, place: str = PLACE) -> bool:
    try:
        ring.check(place, record)
    except Unsigned:
        return False
    return True


def test_what_was_sealed_is_believed_and_read_as_it_was() -> None:
    RING.check(PLACE, SIGNED)
    message, plain = unpack(SIGNED), unpack(PLAIN)
    assert (message.id, message.header, message.body) == (plain.id, plain.header, plain.body)
    assert RING.seal(PLACE, SIGNED) == SIGNED, "a seal is not sealed again"


@pytest.mark.parametrize("bit", range(len(SIGNED) * 8))
def test_each_bit_counts_except_where_the_store_counts(bit: int) -> None:
    changed = bytearray(SIGNED)
    changed[bit // 8] ^= 1 << (bit % 8)
    counts = 1 <= bit // 8 < SIGNED_FROM and bit != 8 + 2  # the flag that says that it is signed
    version = bit // 8 == 0  # covered by nothing: another one is refused when it is read
    assert believed(RING, bytes(changed)) == (counts or version)


@pytest.mark.parametrize(
    "record",
    [PLAIN, b"", SIGNED[:-1], SIGNED + b"x", SIGNED[: SIGNED_FROM + 36], KeyRing((OLD,)).seal(PLACE, PLAIN)],
    ids=["unsigned", "nothing", "cut", "longer", "only a seal", "another key"],
)
def test_what_is_not_believed(record: bytes) -> None:
    assert not believed(RING, record)


def test_a_seal_holds_in_its_queue_only() -> None:
    assert not believed(RING, SIGNED, OTHER)


def test_a_retry_keeps_the_seal_and_what_a_newer_release_wrote() -> None:
    header = msgspec.msgpack.encode({"t": "t:f", "z": "of a newer release"})
    place = 11 + 3
    newer = PLAIN[:12] + len(header).to_bytes(2, "big") + b"a@1" + header + b"\x92\x90\x80"
    assert newer[:place] == PLAIN[:12] + len(header).to_bytes(2, "big")
    message = unpack(RING.seal(PLACE, newer))
    again = pack(msgspec.structs.replace(message, attempt=4, flags=0))
    RING.check(PLACE, again)
    assert header in again
    assert unpack(again).attempt == 4


def test_keys_change_without_a_pause() -> None:
    """First everybody believes the new one, then it signs, then the old one goes."""
    old, both, turned, new = (KeyRing(keys) for keys in ((OLD,), (OLD, NEW), (NEW, OLD), (NEW,)))
    for signs, checks in ((old, both), (both, old), (both, turned), (turned, both), (turned, new)):
        assert believed(checks, signs.seal(PLACE, PLAIN))
    assert not believed(new, old.seal(PLACE, PLAIN))


def test_without_keys_everything_is_as_it_was() -> None:
    ring = ring_from({})
    assert not ring
    assert ring.seal(PLACE, PLAIN) == PLAIN
    assert believed(ring, PLAIN)
    assert believed(ring, SIGNED)


def test_unsigned_records_pass_while_senders_get_their_keys() -> None:
    ring = ring_from({KEYS: text(NEW) + ", unsigned"})
    assert believed(ring, PLAIN)
    assert believed(ring, SIGNED)
    assert not believed(ring, SIGNED[:-1] + b"?")


def test_keys_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{text(NEW)}\n{text(OLD)}\n")
    ring = ring_from({FILE: str(path)})
    assert len(ring) == 2
    assert ring.seal(PLACE, PLAIN) == SIGNED


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({KEYS: text(b"short")}, "key 1 of ONEBEAT_SIGNING_KEYS has 5 bytes, fewer than 32"),
        ({KEYS: f"{text(NEW)},%%%%"}, "key 2 of ONEBEAT_SIGNING_KEYS is not base64"),
        ({KEYS: "unsigned"}, "ONEBEAT_SIGNING_KEYS says 'unsigned' and has no key"),
        ({FILE: "/nowhere/keys"}, "/nowhere/keys, which cannot be read: No such file"),
        ({FILE: "/dev/null"}, "/dev/null, which is empty"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[:20],
)
def test_what_is_no_key_is_said_and_not_shown(environ: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ring_from(environ)
    assert says in str(caught.value)
    assert "%%%%" not in str(caught.value)
    assert text(NEW) not in str(caught.value) + repr(RING)
