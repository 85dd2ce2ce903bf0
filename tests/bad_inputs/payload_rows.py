"""Which arguments are refused, and in which words? Which stored bodies cannot be read?"""

from __future__ import annotations

import enum
import pickle
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec


@dataclass
class Point:
    x: Any


class Colour(enum.Enum):
    RED = float("nan")


class LoudText(str):
    __slots__ = ()


def nested(depth: int, value: Any = 1) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def itself() -> list[Any]:
    endless: list[Any] = []
    endless.append(endless)
    return endless


NAN, INF = float("nan"), float("inf")
OTHERS = "which cannot be stored: pass text, numbers, lists, dicts, dates or dataclasses"
SURROGATE = "holds a lone surrogate, which is not text: decode the bytes properly first"
DEEP = "is nested deeper than 32 levels"
WIDE = "is an integer beyond 64 bits: pass it as text"
TOO_BIG = "over the limit of 1,048,576: store the content elsewhere and pass its address"
NOT_FINITE = "which other readers refuse: pass None or text"

# (what it is, args, kwargs, the whole message)
REFUSED: list[tuple[str, list[Any], dict[Any, Any], str]] = [
    ("NaN", [NAN], {}, f"argument 0 is nan, {NOT_FINITE}"),
    ("infinity", [1, INF], {}, f"argument 1 is inf, {NOT_FINITE}"),
    ("minus infinity", [], {"x": -INF}, f"argument 'x' is -inf, {NOT_FINITE}"),
    ("1e400", [float("1e400")], {}, f"argument 0 is inf, {NOT_FINITE}"),
    ("NaN in a list", [[1, [NAN]]], {}, f"argument 0 is nan, {NOT_FINITE}"),
    ("NaN in a dict", [], {"x": {"y": {"z": NAN}}}, f"argument 'x'['y']['z'] is nan, {NOT_FINITE}"),
    ("NaN in a set", [{NAN}], {}, f"argument 0 is nan, {NOT_FINITE}"),
    ("NaN in a dataclass", [Point(NAN)], {}, f"argument 0['x'] is nan, {NOT_FINITE}"),
    ("NaN in an enum", [Colour.RED], {}, f"argument 0 is nan, {NOT_FINITE}"),
    ("2^64", [1 << 64], {}, f"argument 0 {WIDE}"),
    ("-2^63 - 1", [-(1 << 63) - 1], {}, f"argument 0 {WIDE}"),
    ("5 000 digits", [10**4_999], {}, f"argument 0 {WIDE}"),
    ("a big integer in a dict", [{"n": 1 << 70}], {}, f"argument 0['n'] {WIDE}"),
    ("33 levels", [nested(33)], {}, f"argument 0 {DEEP}"),
    ("10^5 levels", [nested(100_000)], {}, f"argument 0 {DEEP}"),
    ("a list in itself", [itself()], {}, f"argument 0 {DEEP}"),
    ("33 dataclasses", [nested(31, Point(Point(1)))], {}, f"argument 0 {DEEP}"),
    ("a lone surrogate", ["\ud800"], {}, f"argument 0 {SURROGATE}"),
    ("half of an emoji", ["ok \udc4d"], {}, f"argument 0 {SURROGATE}"),
    ("a surrogate in a list", [], {"x": ["a", "\udfff"]}, f"argument 'x' {SURROGATE}"),
    ("a surrogate as a key", [{"\ud800": 1}], {}, f"argument 0 {SURROGATE}"),
    ("a surrogate as a name", [], {"\ud800": 1}, f"keyword argument '\\ud800' {SURROGATE}"),
    ("a number as a name", [], {1: 2}, "keyword argument 1 must have a text name"),
    ("None as a name", [], {None: 2}, "keyword argument None must have a text name"),
    ("bytes as a name", [], {b"x": 2}, "keyword argument b'x' must have a text name"),
    ("a number as a key", [{1: 2}], {}, "argument 0 has the key 1: keys must be text"),
    ("a tuple as a key", [{(1, 2): 3}], {}, "argument 0 has the key (1, 2): keys must be text"),
    ("bytes as a key", [], {"x": {b"k": 1}}, "argument 'x' has the key b'k': keys must be text"),
    ("None as a key", [[{None: 1}]], {}, "argument 0 has the key None: keys must be text"),
    (
        "a number as a key in a dataclass",
        [Point({1: 2})],
        {},
        "argument 0['x'] has the key 1: keys must be text",
    ),
    ("an object", [object()], {}, f"argument 0 is a object, {OTHERS}"),
    ("a function", [len], {}, f"argument 0 is a builtin_function_or_method, {OTHERS}"),
    ("a lambda", [], {"callback": lambda: 0}, f"argument 'callback' is a function, {OTHERS}"),
    ("a class", [Point], {}, f"argument 0 is a type, {OTHERS}"),
    ("an exception", [ValueError("x")], {}, f"argument 0 is a ValueError, {OTHERS}"),
    ("a complex number", [1 + 2j], {}, f"argument 0 is a complex, {OTHERS}"),
    ("a generator", [(x for x in ())], {}, f"argument 0 is a generator, {OTHERS}"),
    ("a range", [range(3)], {}, f"argument 0 is a range, {OTHERS}"),
    ("an object in a list", [[1, object()]], {}, f"argument 0 is a object, {OTHERS}"),
    ("an object in a dataclass", [Point(object())], {}, f"argument 0 is a Point, {OTHERS}"),
    ("text of another class", [LoudText("x")], {}, f"argument 0 is a LoudText, {OTHERS}"),
    ("ready-made bytes", [msgspec.Raw(b"\x01")], {}, f"argument 0 is a Raw, {OTHERS}"),
    ("an extension", [msgspec.msgpack.Ext(1, b"x")], {}, f"argument 0 is a Ext, {OTHERS}"),
    ("1 MiB of text", ["x" * (1 << 20)], {}, f"the arguments take 1,048,584 bytes, {TOO_BIG}"),
    ("1 MiB of bytes", [], {"x": b"x" * (1 << 20)}, f"the arguments take 1,048,586 bytes, {TOO_BIG}"),
    ("1 MiB of numbers", [[0] * (1 << 20)], {}, f"the arguments take 1,048,584 bytes, {TOO_BIG}"),
]

# (what it is, args, kwargs, what the handler gets)
ACCEPTED: list[tuple[str, list[Any], dict[str, Any], tuple[list[Any], dict[str, Any]]]] = [
    ("nothing", [], {}, ([], {})),
    ("the plain types", [1, 1.5, "ä", True, None, b"\xff"], {}, ([1, 1.5, "ä", True, None, b"\xff"], {})),
    ("empty containers keep their kind", [[], {}, ""], {}, ([[], {}, ""], {})),
    ("2^53 + 1", [2**53 + 1], {}, ([2**53 + 1], {})),
    ("the ends of 64 bits", [(1 << 64) - 1, -(1 << 63)], {}, ([(1 << 64) - 1, -(1 << 63)], {})),
    ("floats at the edge", [1e308, 5e-324, -0.0], {}, ([1e308, 5e-324, -0.0], {})),
    ("32 levels", [nested(32)], {}, ([nested(32)], {})),
    ("32 levels down to a float", [nested(32, 0.5)], {}, ([nested(32, 0.5)], {})),
    ("tuples and sets become lists", [(1, (2,)), {3}, frozenset([4])], {}, ([[1, [2]], [3], [4]], {})),
    ("a dataclass becomes a dict", [Point(Point(1))], {}, ([{"x": {"x": 1}}], {})),
    ("a Decimal becomes text", [Decimal("1.10")], {}, (["1.10"], {})),
    ("buffers become bytes", [bytearray(b"a"), memoryview(b"b")], {}, ([b"a", b"b"], {})),
    ("NUL, emoji, right-to-left", ["\x00👍\u202e"], {"ключ": 1}, (["\x00👍\u202e"], {"ключ": 1})),
    ("the order of a dict", [{"b": 1, "a": 2}], {}, ([{"b": 1, "a": 2}], {})),
    ("text that looks like code", ["__import__('os')"], {}, (["__import__('os')"], {})),
]

# (what it is, the stored bytes, a part of the message)
UNREADABLE: list[tuple[str, bytes, str]] = [
    ("nothing", b"", "truncated"),
    ("a cut body", b"\x92\x91\x01", "truncated"),
    ("trailing bytes", b"\x92\x90\x80\x00", "trailing characters"),
    ("JSON", b'[[], {"a": 1}]', "Expected `array`"),
    ("a byte order mark", b"\xef\xbb\xbf\x92\x90\x80", "Expected `array`"),
    ("UTF-16", "[[],{}]".encode("utf-16"), "Expected `array`"),
    ("not UTF-8", b"\x92\x91\xa2\xff\xfe\x80", "utf-8"),
    ("pickle", pickle.dumps(([], {})), "Expected `array`"),
    ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "Expected `array`"),
    ("three parts", b"\x93\x90\x80\x80", "array` of length 2"),
    ("parts exchanged", b"\x92\x80\x90", "Expected `array`"),
    ("a number as a name", b"\x92\x90\x81\x01\x02", "Expected `str`"),
    ("an unknown opcode", b"\xc1", "invalid opcode"),
    ("10^5 levels", b"\x92\x91" + b"\x91" * 100_000 + b"\x01\x80", "recursion"),
    ("a list that says it has 2^32 - 1 elements", b"\x92\xdd\xff\xff\xff\xff", "truncated"),
]
