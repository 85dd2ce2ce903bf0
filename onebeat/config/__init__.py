"""What do the YAML files declare? YAML text becomes values, or every mistake at once with its place.

Names are loaded when they are first used: pydantic and PyYAML take longer to import than the rest of
onebeat, and a process that reads no file needs neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onebeat.config.files import Loaded, Settings, joined, load, load_or_raise, read_files
    from onebeat.config.fingerprint import fingerprint_of, fingerprint_of_all, fingerprinted
    from onebeat.config.live import Live, dropped
    from onebeat.config.mistakes import Code, ConfigMistakes, Mistake
    from onebeat.config.render import as_github, as_json, as_text
    from onebeat.config.schema import json_schema

_HOMES = {
    "Code": "mistakes",
    "ConfigMistakes": "mistakes",
    "Live": "live",
    "Loaded": "files",
    "Mistake": "mistakes",
    "Settings": "files",
    "as_github": "render",
    "as_json": "render",
    "as_text": "render",
    "dropped": "live",
    "fingerprint_of": "fingerprint",
    "fingerprint_of_all": "fingerprint",
    "fingerprinted": "fingerprint",
    "joined": "files",
    "json_schema": "schema",
    "load": "files",
    "load_or_raise": "files",
    "read_files": "files",
}

__all__ = [
    "Code",
    "ConfigMistakes",
    "Live",
    "Loaded",
    "Mistake",
    "Settings",
    "as_github",
    "as_json",
    "as_text",
    "dropped",
    "fingerprint_of",
    "fingerprint_of_all",
    "fingerprinted",
    "joined",
    "json_schema",
    "load",
    "load_or_raise",
    "read_files",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
