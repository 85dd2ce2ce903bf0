"""Who wrote this record: one of us, or somebody who can write to Redis? Pure.

A signed record ends with a seal of 36 bytes: which key, then HMAC-SHA256 (RFC 2104, FIPS 198-1) of the name
of its queue and of the stored bytes, from the priority to the end of the body. Not covered are the bytes in
which the store and workers count: flags, deliveries, attempts. A seal is checked before anything is decoded,
and holds in no other queue or namespace.

Keys are never in Redis or in a configuration file: `ONEBEAT_SIGNING_KEYS` has them, separated by commas, or
`ONEBEAT_SIGNING_KEYS_FILE` names a file with one on each line. The first one signs, all are believed. The
word `unsigned` among them lets unsigned records pass, for as long as some sender has no key yet.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from onebeat.errors import BadPayload, ConfigError
from onebeat.queue.record import FLAGS_AT, SEAL_BYTES, SIGNED, SIGNED_FROM

KEYS = "ONEBEAT_SIGNING_KEYS"
FILE = "ONEBEAT_SIGNING_KEYS_FILE"
UNSIGNED = "unsigned"
KEY_BYTES_MIN = 32
_NAME_BYTES = 4
_MAKE_ONE = 'make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'


class Unsigned(BadPayload):
    """A record has no seal, or one that none of our keys made."""

    code = "OB220"


class KeyRing:
    """The keys of one process, each at least 32 bytes; without any, nothing is signed and all is believed."""

    def __init__(self, keys: tuple[bytes, ...] = (), *, unsigned_passes: bool = False) -> None:
        self._keys = {sha256(b"onebeat key " + key).digest()[:_NAME_BYTES]: key for key in keys}
        self._signs = next(iter(self._keys.items()), None)
        self._unsigned_passes = unsigned_passes or not keys

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self._keys)}>"  # never a key

    def __len__(self) -> int:
        return len(self._keys)

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def unsigned_passes(self) -> bool:
        """Whether a record without a seal is believed."""
        return self._unsigned_passes

    def seal(self, queue: str, record: bytes) -> bytes:
        """`record` with the seal of the first key; `queue` is `QueueKeys.prefix`."""
        if self._signs is None or not record or record[FLAGS_AT] & SIGNED:
            return record
        name, key = self._signs
        flags = bytes((record[FLAGS_AT] | SIGNED,))
        mac = _mac(key, queue, record[SIGNED_FROM:])
        return b"".join((record[:FLAGS_AT], flags, record[FLAGS_AT + 1 :], name, mac))

    def seal_text(self, place: str, text: str) -> str:
        """The seal of a text that is kept at `place` and makes messages later; empty without keys."""
        if self._signs is None:
            return ""
        name, key = self._signs
        return (name + _mac(key, place, text.encode())).hex()

    def check_text(self, place: str, text: str, seal: str) -> None:
        """Return if `text` may be believed; raises as `check`."""
        if not self._keys or (self._unsigned_passes and not seal):
            return
        if not any(
            hmac.compare_digest((name + _mac(key, place, text.encode())).hex().encode(), seal.encode())
            for name, key in self._keys.items()
        ):
            raise Unsigned("it is not signed, or not with a key that this process has")

    def check(self, queue: str, record: bytes) -> None:
        """Return if `record` may be read.

        Raises:
            Unsigned: it has no seal, or a wrong one.
        """
        if not self._keys:
            return
        if len(record) <= SIGNED_FROM + SEAL_BYTES or not record[FLAGS_AT] & SIGNED:
            if not self._unsigned_passes:
                raise Unsigned("it is not signed: give its sender a key, or find out who else writes here")
            return
        key = self._keys.get(record[-SEAL_BYTES : _NAME_BYTES - SEAL_BYTES])
        if key is None:
            raise Unsigned(f"it is signed with a key that this worker does not have: add it to {KEYS}")
        mac = _mac(key, queue, record[SIGNED_FROM:-SEAL_BYTES])
        if not hmac.compare_digest(mac, record[_NAME_BYTES - SEAL_BYTES :]):
            raise Unsigned("its seal does not fit: it was changed, or written for another queue")


NO_KEYS = KeyRing()


def _mac(key: bytes, queue: str, signed: bytes) -> bytes:
    place = queue.encode()
    return hmac.digest(key, len(place).to_bytes(2, "big") + place + signed, "sha256")


def ring_from(environ: Mapping[str, str]) -> KeyRing:
    """The keys that `environ` has or names a file of.

    Raises:
        ConfigError: the file cannot be read, or one of them is no key; never shows it.
    """
    text, where = environ.get(KEYS, ""), KEYS
    if not text and environ.get(FILE):
        text, where = _read(environ[FILE]), f"{FILE} ({environ[FILE]})"
    words = [word.strip() for word in text.replace("\n", ",").split(",") if word.strip()]
    keys = [word for word in words if word != UNSIGNED]
    if words and not keys:
        raise ConfigError(f"{where} says {UNSIGNED!r} and has no key: {_MAKE_ONE}")
    return KeyRing(
        tuple(_key(word, number, where) for number, word in enumerate(keys, 1)),
        unsigned_passes=UNSIGNED in words,
    )


def _read(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="ascii")
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or "not ASCII text"
        raise ConfigError(f"{FILE} names {path}, which cannot be read: {why}") from None
    if not text.strip():
        raise ConfigError(f"{FILE} names {path}, which is empty: {_MAKE_ONE}")
    return text


def _key(word: str, number: int, where: str) -> bytes:
    try:
        key = b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
    except (NotBase64, ValueError):
        raise ConfigError(f"key {number} of {where} is not base64: {_MAKE_ONE}") from None
    if len(key) < KEY_BYTES_MIN:
        raise ConfigError(
            f"key {number} of {where} has {len(key)} bytes, fewer than {KEY_BYTES_MIN}: {_MAKE_ONE}"
        )
    return key
