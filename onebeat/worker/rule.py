"""Is what somebody wrote as a bound of a task a mapping of known names, with a key that can be one? Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from onebeat.errors import ConfigError


def read_rule(said: object, names: Sequence[str], *, kind: str, example: str) -> Mapping[str, Any]:
    """`said`, some of `names`; `kind` is what errors call it, and `example` what they show.

    Raises:
        ConfigError: it is something else, or its key is neither text, a function nor None.
    """
    if not isinstance(said, Mapping):
        raise ConfigError(f"{kind} {said!r:.80} must be {example}")
    for name in said:
        if name not in names:
            close = difflib.get_close_matches(str(name), names, n=1)
            raise ConfigError(
                f"{kind} has no {name!r}: {f'did you mean {close[0]!r}?' if close else example}"
            )
    key = said.get("key")
    if key is not None and not callable(key) and not (isinstance(key, str) and key):
        raise ConfigError(f"{kind} key {key!r:.80} must be text such as 'tenant:{{tenant}}'")
    return said
