"""May these arguments, or this result, be stored, and how do they come back? Pure.

Checked where they are given, so that the caller's traceback points at the mistake: supported types,
depth, size, and nothing that another reader would understand differently (NaN, lone surrogates).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from onebeat.errors import BadPayload

SIZE_MAX = 1 << 20  # bytes of one message's arguments
DEPTH_MAX = 32
_PLAIN = (str, int, float, bool, type(None), bytes)
_encode = msgspec.msgpack.Encoder().encode
_encode_sorted = msgspec.msgpack.Encoder(order="sorted").encode
_decode = msgspec.msgpack.Decoder(tuple[list[Any], dict[str, Any]]).decode
_decode_any = msgspec.msgpack.Decoder().decode


def encode(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
    """The body for a call with these arguments.

    Raises:
        BadPayload: unsupported type, NaN, too deep, or over 1 MiB; says which argument.
    """
    for name in kwargs:
        if not isinstance(name, str):
            raise BadPayload(f"keyword argument {name!r} must have a text name")
        check_text(name, f"keyword argument {name!r}")
    for place, value in (*enumerate(args), *kwargs.items()):
        if not _sound(value):
            _check(value, f"argument {place!r}", DEPTH_MAX)
    try:
        body = _encode((list(args), dict(kwargs)))
    except (TypeError, OverflowError, ValueError, msgspec.MsgspecError) as problem:
        raise BadPayload(f"the arguments cannot be stored: {problem}") from None
    if len(body) > SIZE_MAX:
        raise BadPayload(
            f"the arguments take {len(body):,} bytes, over the limit of {SIZE_MAX:,}: "
            "store the content elsewhere and pass its address"
        )
    return body


def encode_value(value: Any) -> bytes:
    """The result `value` of a run, by the same rules as arguments.

    Raises:
        BadPayload: unsupported type, NaN, too deep, or over 1 MiB.
    """
    if not _sound(value):
        _check(value, "the result", DEPTH_MAX)
    try:
        encoded = _encode(value)
    except (TypeError, OverflowError, ValueError, msgspec.MsgspecError) as problem:
        raise BadPayload(f"the result cannot be stored: {problem}") from None
    if len(encoded) > SIZE_MAX:
        raise BadPayload(
            f"the result takes {len(encoded):,} bytes, over the limit of {SIZE_MAX:,}: "
            "store the content elsewhere and return its address"
        )
    return encoded


def decode_value(encoded: bytes) -> Any:
    """The value of `encode_value`, in plain types: tuples come back as lists, dates as text.

    Raises:
        BadPayload: not what `encode_value` could have made.
    """
    try:
        return _decode_any(encoded)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise BadPayload(f"the stored result cannot be read ({problem})") from None


def decode(body: bytes) -> tuple[list[Any], dict[str, Any]]:
    """Arguments and keyword arguments of `body`.

    Raises:
        BadPayload: not a body that `encode` could have made.
    """
    try:
        args, kwargs = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise BadPayload(f"the stored arguments cannot be read ({problem})") from None
    return args, kwargs


def canonical(body: bytes) -> bytes:
    """`body` with the keys of every dict in order: equal for arguments that are equal.

    Raises:
        BadPayload: as `decode` does; or a dict within has keys that are not text.
    """
    try:
        return _encode_sorted(decode(body))
    except (TypeError, RecursionError) as problem:  # foreign bytes: `encode` refuses such dicts
        raise BadPayload(f"the stored arguments cannot be compared ({problem})") from None


def _sound(value: Any) -> bool:
    """Whether `_check` would find nothing: seen at a glance for most of what is passed."""
    kind = type(value)
    if kind is str:
        ascii_: bool = value.isascii()
        return ascii_
    return kind in (bool, bytes, type(None)) or (kind is int and -(1 << 63) <= value < 1 << 64)


def _check(value: Any, where: str, depth: int) -> None:
    if type(value) in _PLAIN:
        _check_plain(value, where)
    elif depth == 0:
        raise BadPayload(f"{where} is nested deeper than {DEPTH_MAX} levels")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise BadPayload(f"{where} has the key {key!r}: keys must be text")
            check_text(key, where)
            _check(inner, f"{where}[{key!r}]", depth - 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            _check(inner, where, depth - 1)
    elif not isinstance(value, (bytearray, memoryview)):
        # dataclasses, enums, dates: what they become obeys the same rules
        _check(_plainly(value, where), where, depth - 1)


def _plainly(value: Any, where: str) -> Any:
    try:
        plain = msgspec.to_builtins(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        plain = value
    if type(plain) is type(value):
        raise BadPayload(
            f"{where} is a {type(value).__name__}, which cannot be stored: "
            "pass text, numbers, lists, dicts, dates or dataclasses"
        )
    return plain


def check_text(text: str, where: str) -> None:
    """Refuse text that UTF-8 cannot carry.

    Raises:
        BadPayload: `text` holds half of a surrogate pair.
    """
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        raise BadPayload(
            f"{where} holds a lone surrogate, which is not text: decode the bytes properly first"
        )


def _check_plain(value: Any, where: str) -> None:
    if isinstance(value, str):
        check_text(value, where)
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadPayload(f"{where} is {value}, which other readers refuse: pass None or text")
    elif type(value) is int and not -(1 << 63) <= value < 1 << 64:
        raise BadPayload(f"{where} is an integer beyond 64 bits: pass it as text")
