"""How is a small file replaced so that a reader sees the old one or the new one, never half?"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write `text` beside `path`, readable by its owner only, and move it into place."""
    beside = path.with_name(f"{path.name}.new")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    beside.replace(path)


def replace_json(path: Path, record: Mapping[str, str | int]) -> None:
    """The same for a JSON object."""
    replace_text(path, json.dumps(record) + "\n")
