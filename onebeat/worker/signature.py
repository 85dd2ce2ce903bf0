"""Which arguments does a task take, which are filled in, and do these fit?

A parameter annotated `Context` gets the run's context; one annotated `sqlalchemy.orm.Session` or
`AsyncSession` gets the open session whose transaction also holds the ledger row. The others are checked
against their annotations (msgspec) when a call is queued and again when it is run.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import GenericAlias, SimpleNamespace
from typing import Any, TypeAlias

import msgspec

from onebeat.errors import BadArguments
from onebeat.queue import payload
from onebeat.worker.context import Context

_SESSIONS = {"Session": "sync", "AsyncSession": "async"}
_MISSING = object()
_COMMON = (Any, bool, int, float, str)
_Arguments: TypeAlias = tuple[list[Any], dict[str, Any]]


@dataclass(frozen=True)
class Signature:
    """What a task's function takes. `name` is the task's, for messages."""

    name: str
    function: Callable[..., Any]

    @cached_property
    def is_async(self) -> bool:
        """Whether calling it gives a coroutine."""
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.function).parameters

    @cached_property
    def _types(self) -> dict[str, Any]:
        return {name: _resolve(self.function, p.annotation) for name, p in self._parameters.items()}

    @cached_property
    def context_name(self) -> str | None:
        """The parameter that takes the `Context`."""
        return next((name for name, type_ in self._types.items() if _is_context(type_)), None)

    @cached_property
    def session_name(self) -> str | None:
        """The parameter that takes the session.

        Raises:
            BadArguments: a coroutine that takes a blocking session, or the other way round.
        """
        for name, type_ in self._types.items():
            kind = _session_kind(type_)
            if kind is None:
                continue
            if (kind == "async") is not self.is_async:
                wanted = "AsyncSession" if self.is_async else "Session"
                raise BadArguments(
                    f"task {self.name}: parameter {name!r} must be annotated {wanted}, because the task "
                    f"is {'async' if self.is_async else 'not async'}"
                )
            return name
        return None

    @cached_property
    def _open(self) -> inspect.Signature:
        """The parameters that a caller gives."""
        filled = {self.context_name, self.session_name}
        return inspect.Signature([p for name, p in self._parameters.items() if name not in filled])

    @cached_property
    def _rows(self) -> Sequence[tuple[str, Any]] | None:
        """Name and type of each parameter that a caller gives, if all of them have a place."""
        given = self._open.parameters.values()
        if any(p.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD for p in given):
            return None
        return [(p.name, self._types[p.name]) for p in given]

    @cached_property
    def _plain(self) -> bool:
        """Whether nothing is filled in and every parameter has a place: the given ones, in order, are all."""
        return self._rows is not None and len(self._rows) == len(self._parameters)

    @cached_property
    def _exact(self) -> Callable[[bytes], tuple[tuple[Any, ...], dict[str, Any]]] | None:
        """What reads and checks at once, where arguments are all and are such as every format has."""
        types = [type_ for _, type_ in self._rows or ()]
        if not self._plain or any(all(type_ is not one for one in _COMMON) for type_ in types):
            return None
        call: Any = GenericAlias(tuple, (GenericAlias(tuple, tuple(types)), dict[str, Any]))
        return msgspec.msgpack.Decoder(call).decode

    def read(self, body: bytes) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Positional and keyword arguments of the call in `body`, where nothing is filled in.

        Raises:
            BadPayload: it cannot be read. BadArguments: as `fit`.
        """
        exact = self._exact
        if exact is None:
            return self._read(body)
        try:
            args, kwargs = exact(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # the long way tells what is wrong
            return self._read(body)
        return self._read(body) if kwargs else (args, kwargs)

    def _read(self, body: bytes) -> _Arguments:
        return self.place(self.fit(*payload.decode(body)), {})

    def fit(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name and in their types, as read from a message.

        Raises:
            BadArguments: too many, too few, an unknown or reserved name, or a value of another type.
        """
        rows = self._rows
        if rows is not None and not kwargs and len(args) == len(rows):  # binding costs ten times this
            return {
                name: value if type_ is Any else self._convert(name, value, type_)
                for (name, type_), value in zip(rows, args, strict=True)
            }
        try:
            bound = self._open.bind(*args, **kwargs)
        except TypeError as problem:
            raise BadArguments(f"task {self.name}{self._open}: {problem}") from None
        return {name: self._fit_one(name, value) for name, value in bound.arguments.items()}

    def fit_later(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Return if the arguments fit behind a first one that is not known yet.

        Raises:
            BadArguments: they do not.
        """
        try:
            self._open.bind(None, *args, **kwargs)
        except TypeError as problem:
            raise BadArguments(
                f"task {self.name}{self._open}: with a result as first argument: {problem}"
            ) from None

    def place(self, given: Mapping[str, Any], filled: Mapping[str, Any]) -> _Arguments:
        """Positional and keyword arguments for the call: the given ones (as `fit` said) and the filled-in."""
        if self._plain and len(given) == len(self._parameters):
            return list(given.values()), {}
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        by_place = True  # until a parameter is left to its default
        for name, parameter in self._parameters.items():
            value = filled.get(name, given.get(name, _MISSING))
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                kwargs.update({} if value is _MISSING else value)
            elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                args.extend(() if value is _MISSING else value)
            elif value is _MISSING:
                by_place = False
            elif by_place and parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
                args.append(value)
            else:
                kwargs[name] = value
        return args, kwargs

    def _fit_one(self, name: str, value: Any) -> Any:
        type_, kind = self._types[name], self._parameters[name].kind
        if type_ is Any:
            return value
        if kind is inspect.Parameter.VAR_POSITIONAL:
            return tuple(self._convert(name, one, type_) for one in value)
        if kind is inspect.Parameter.VAR_KEYWORD:
            return {key: self._convert(key, one, type_) for key, one in value.items()}
        return self._convert(name, value, type_)

    def _convert(self, name: str, value: Any, type_: Any) -> Any:
        try:
            return msgspec.convert(value, type_)
        except msgspec.ValidationError as problem:
            raise BadArguments(f"task {self.name}: argument {name!r}: {problem}") from None


def _resolve(function: Callable[..., Any], annotation: Any) -> Any:
    """The annotation as a type that values can be checked against; Any when there is none to check."""
    if annotation is inspect.Parameter.empty:
        return Any
    if isinstance(annotation, str):
        holder = SimpleNamespace(__annotations__={"it": annotation})
        namespace = getattr(inspect.unwrap(function), "__globals__", {})
        try:
            annotation = typing.get_type_hints(holder, globalns=namespace)["it"]
        except (NameError, TypeError, AttributeError, SyntaxError):
            # imported under TYPE_CHECKING: the name itself says what is to be filled in
            last = annotation.rsplit(".", 1)[-1]
            return last if last in _SESSIONS or last == "Context" else Any
    if _is_context(annotation) or _session_kind(annotation):
        return annotation
    return annotation if _checkable(annotation) else Any


def _checkable(type_: Any) -> bool:
    try:
        msgspec.convert(None, type_)
    except msgspec.ValidationError:
        return True
    except Exception:  # msgspec has several ways to say that it knows no such type
        return False
    return True


def _is_context(type_: Any) -> bool:
    return type_ is Context or type_ == "Context"


def _session_kind(type_: Any) -> str | None:
    if isinstance(type_, str):
        return _SESSIONS.get(type_)
    if isinstance(type_, type):
        for base in type_.__mro__:
            if base.__module__.startswith("sqlalchemy.") and base.__name__ in _SESSIONS:
                return _SESSIONS[base.__name__]
    return None
