"""Are the files still those that were read?

By content, not by date: files are replaced, touched, and swapped by symbolic link (as Kubernetes does it
with a ConfigMap), and what counts is whether they say something else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from onebeat.config.includes import included
from onebeat.config.page import SIZE_MAX

if TYPE_CHECKING:
    from onebeat.config.reading import Reading

_GONE = b""


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of a configuration with the digest of each, and the patterns that led to them."""

    digests: dict[Path, bytes] = field(default_factory=dict)
    patterns: tuple[tuple[Path, str], ...] = ()

    @classmethod
    def of(cls, readings: Iterable[Reading]) -> Sources:
        """What was read."""
        read = list(readings)
        patterns = tuple(one for reading in read for one in reading.patterns)
        return cls({Path(reading.file): reading.digest for reading in read}, patterns)

    def look(self) -> Sources:
        """The same files and patterns as they are now; equal when nothing changed."""
        paths = dict.fromkeys(self.digests)
        known = set(map(os.path.realpath, paths))
        for folder, pattern in self.patterns:
            found = [one for one in included(pattern, folder) if os.path.realpath(one) not in known]
            paths.update(dict.fromkeys(found))
        return Sources({path: _digest(path) for path in paths}, self.patterns)


def digest_of(raw: bytes) -> bytes:
    """16 bytes that tell contents apart."""
    return blake2b(raw, digest_size=16).digest()


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return digest_of(stream.read(SIZE_MAX + 1))
    except OSError:
        return _GONE
