"""Which text does a file hold, and where in it is a mistake? Pure.

Only what every reader sees alike gets through: UTF-8, no control characters, nothing that reorders text
on the screen ("Trojan Source", CVE-2021-42574).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from onebeat.config.mistakes import Code, Mistake

SIZE_MAX = 1_000_000  # bytes of one file
LINE_MAX = 1_000  # characters of a source line that is shown; longer ones are not written by people
ODD_MAX = 10  # forbidden characters that are listed one by one
_WIDE = re.compile(rb"(?P<utf32>\xff\xfe\0\0|\0\0\xfe\xff)|\xff\xfe|\xfe\xff|\0[^\0]|[^\0]\0")
_BREAK = re.compile(r"\r\n|\r|\n")
# Control characters, line separators that YAML 1.1 counts as line breaks and 1.2 does not, bidirectional
# overrides, byte-order marks within the text, surrogates, non-characters.
ODD = re.compile(
    "[^\\t\\n\\r\\x20-\\x7e\\xa0-\\u2027\\u202f-\\u2065\\u206a-\\ud7ff"
    "\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff]"
)
SECRET_NAME = re.compile(r"passw|secret|token|api_?key|private_?key|credential", re.IGNORECASE)
# Every repetition is bounded: one line may be a megabyte long.
_SECRET_VALUE = re.compile(
    rf"(?P<name>(?:{SECRET_NAME.pattern})[\w-]{{0,40}}[\"']?\s{{0,9}}[:=]\s{{0,9}}[\"']?)"
    r"(?P<secret>[^\s,\"'}\]]{1,256})",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"(//[^/@\s\"']{0,256}?:)[^/\s\"']{1,256}(?=@)")
# What is shown hides more than what is warned of: a URL is also shown because it is mistyped, without its
# scheme, or with a / in its password.
_PERHAPS_PASSWORD = re.compile(
    r"((?://|\b(?:redis|database)[\"']?\s{0,9}:\s{0,9}[\"']?)[^/@\s\"']{0,256}?:)[^\s\"']{1,256}(?=@)"
)


@dataclass(frozen=True, slots=True)
class Page:
    """The text of one file, cut into lines; makes mistakes that know their place."""

    file: str
    text: str
    lines: tuple[str, ...]

    def line(self, number: int) -> str:
        """The line `number` (from 1); empty behind the end, where a parser may miss something."""
        return self.lines[number - 1] if number <= len(self.lines) else ""

    def mistake(
        self,
        code: Code,
        message: str,
        line: int,
        column: int,
        *,
        hint: str = "",
        length: int = 1,
        path: str = "",
    ) -> Mistake:
        """A mistake at `line` and `column` (from 1), with its source line."""
        source = self.line(line)
        if len(source) > LINE_MAX:
            source = ""
        return Mistake(
            code,
            without_password(message),
            self.file,
            line,
            column,
            hint=hint,
            length=length,
            path=path,
            source=masked(source),
        )


def has_password(text: str) -> bool:
    """Whether `text` is or holds a URL with a password."""
    return _PASSWORD.search(text) is not None


def without_password(text: str) -> str:
    """`text` with the password of each URL in it replaced by `***`."""
    return _PERHAPS_PASSWORD.sub(r"\1***", text)


def masked(line: str) -> str:
    """A source line as it may be shown: what looks like a secret becomes as many `*`, so carets still fit."""
    line = _SECRET_VALUE.sub(lambda match: match["name"] + "*" * len(match["secret"]), line)
    return _PERHAPS_PASSWORD.sub(lambda match: match[1] + "*" * (len(match[0]) - len(match[1])), line)


def read_page(raw: bytes, file: str) -> tuple[Page | None, list[Mistake]]:
    """The page that `raw` holds, or None and the reasons."""
    if len(raw) > SIZE_MAX:
        message = f"the file is larger than {SIZE_MAX // 1_000_000} MB"
        return None, [Mistake(Code.TOO_BIG, message, file, hint="split it into several files")]
    wide = _WIDE.match(raw)
    if wide:
        message = f"the file is {'UTF-32' if wide['utf32'] else 'UTF-16'}, onebeat reads UTF-8"
        return None, [Mistake(Code.ENCODING, message, file, hint="save it as UTF-8")]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, [_not_utf8(raw, file, error)]
    page = Page(file, text, tuple(_BREAK.split(text)))
    odd = [_odd(page, match) for match in islice(ODD.finditer(text), ODD_MAX)]
    return (None, odd) if odd else (page, [])


def _not_utf8(raw: bytes, file: str, error: UnicodeDecodeError) -> Mistake:
    before = _BREAK.split(raw[: error.start].decode("utf-8", errors="replace"))
    page = Page(file, "", ())
    message = f"byte 0x{raw[error.start]:02x} is not UTF-8"
    hint = "save the file as UTF-8 (it looks like Latin-1 or Windows-1252)"
    return page.mistake(Code.ENCODING, message, len(before), len(before[-1]) + 1, hint=hint)


def _odd(page: Page, match: re.Match[str]) -> Mistake:
    before = _BREAK.split(page.text[: match.start()])
    point = ord(match[0])
    name = "NUL" if point == 0 else f"U+{point:04X}"
    message = f"the character {name} is invisible or reorders text"
    hint = f'remove it, or write it as an escape in double quotes: "\\u{point:04x}"'
    return page.mistake(Code.CHARACTER, message, len(before), len(before[-1]) + 1, hint=hint)
