"""Which text does a key template make of a call? Pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from string import Formatter
from typing import Any, TypeAlias

from onebeat.errors import BadArguments, ConfigError

KeyRule: TypeAlias = str | Callable[..., str] | None


def key_of(
    rule: KeyRule, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], *, kind: str
) -> str:
    """The key of this call of `fn`; without a rule the function's qualified name. Arguments that a worker
    adds may be missing. `kind` is what errors call it.

    Raises:
        BadArguments: they do not fit `fn`, or the key needs one that is missing.
    """
    if rule is None:
        return default_key(fn)
    if callable(rule):
        return rule(*args, **kwargs)
    try:
        bound = inspect.signature(fn).bind_partial(*args, **kwargs)
        bound.apply_defaults()
        return rule.format_map(bound.arguments)
    except (TypeError, LookupError, AttributeError, ValueError) as problem:
        raise BadArguments(
            f"the {kind} key {rule!r} of {default_key(fn)} cannot be made for this call: "
            f"{type(problem).__name__}: {problem}"
        ) from problem


def check_key(rule: KeyRule, fn: Callable[..., Any], *, kind: str, written: str) -> None:
    """Return if the key can be made from the parameters of `fn`; `written` is how people said it.

    Raises:
        ConfigError: it names something else; the message has the parameters.
    """
    if not isinstance(rule, str):
        return
    known = list(inspect.signature(fn).parameters)
    for name in field_names(rule, kind):
        if name not in known:
            raise ConfigError(
                f"{written} on {default_key(fn)}: there is no parameter {name!r}; "
                f"use one of {', '.join(known) or '(it has none)'}"
            )


def default_key(fn: Callable[..., Any]) -> str:
    """`module:qualified name` of a function."""
    inner = inspect.unwrap(fn)
    return f"{inner.__module__}:{getattr(inner, '__qualname__', type(inner).__qualname__)}"


def field_names(template: str, kind: str) -> list[str]:
    """The parameters that a key template names.

    Raises:
        ConfigError: it is no format template.
    """
    found: list[str] = []
    try:
        for _, field, nested, _ in Formatter().parse(template):
            if field is not None:
                found.append(field.split(".")[0].split("[")[0])
            found += field_names(nested, kind) if nested else []
    except ValueError as problem:
        raise ConfigError(
            f"the {kind} key {template!r} is no template such as 'report:{{day}}': {problem}"
        ) from None
    return found
