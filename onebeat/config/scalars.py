"""Which value does an unquoted YAML scalar stand for? Pure.

The core schema of YAML 1.2.2 (section 10.3.2) and nothing else. PyYAML's own resolver is YAML 1.1: it
reads `on` and `no` as booleans, `10:30` as 630 and `010` as 8.
"""

from __future__ import annotations

import math
import re

_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INTEGER_MIN, _INTEGER_MAX = -(2**63), 2**63 - 1
_WIDTH_MAX = 40  # Python refuses to convert thousands of digits, leading zeros included

Scalar = str | int | float | bool | None


class BadNumber(ValueError):
    """A number that no store and no database carries; the message says why."""


def resolve_plain(text: str) -> Scalar:
    """The value of `text` written without quotes.

    Raises:
        BadNumber: infinite, not a number, or an integer beyond 64 bits.
    """
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise BadNumber("the number is larger than a 64-bit float")
        return number
    if _NOT_FINITE.fullmatch(text):
        raise BadNumber(f"{text} is not a finite number")
    return text


def _integer(text: str) -> int:
    if len(text) <= _WIDTH_MAX:
        number = int(text, 16 if text[:2] == "0x" else 8 if text[:2] == "0o" else 10)
        if _INTEGER_MIN <= number <= _INTEGER_MAX:
            return number
    raise BadNumber("the integer does not fit 64 bits")
