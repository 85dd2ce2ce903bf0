"""What could somebody have written instead of this? Pure: luck comes from outside."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

SIZE_MAX = 4_096


def mutated(luck: Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """A seed after one to eight small changes, or words in a row."""
    if luck.random() < 0.3:
        return b"".join(luck.choice(words) for _ in range(luck.randrange(40)))[:SIZE_MAX]
    raw = luck.choice(seeds)
    for _ in range(luck.randint(1, 8)):
        raw = _changed(luck, raw, seeds, words)
    return raw[:SIZE_MAX]


def _changed(luck: Random, raw: bytes, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """`raw` with one change at a random place."""
    at = luck.randint(0, len(raw))
    before, after = raw[:at], raw[at:]
    length = luck.randint(1, 8)
    match luck.randrange(7):
        case 0:
            return before + luck.choice(words) + after
        case 1:
            return before + after[length:]
        case 2:
            return before + bytes([luck.randrange(256)]) + after[1:]
        case 3:
            flipped = bytes([after[0] ^ (1 << luck.randrange(8))]) if after else b""
            return before + flipped + after[1:]
        case 4:
            return before + after[:length] * luck.randint(2, 30) + after[length:]
        case 5:
            return before + luck.choice(seeds)[-luck.randint(1, 200) :]
        case _:
            return before
