"""What is a call of a task that is not queued yet? A step, made by `task.s(…)`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from onebeat.errors import ConfigError
from onebeat.locks.policy import Scope
from onebeat.queue import payload
from onebeat.queue.enqueue import Draft
from onebeat.queue.record import RECORDED, Chain, Group, Header, Link

if TYPE_CHECKING:
    from onebeat.worker.task import Task


@dataclass(frozen=True, slots=True)
class Step:
    """A task and its arguments, which are checked when the group or chain is queued."""

    task: Task[Any, Any]
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] | None = None

    @property
    def queue(self) -> str:
        """Where it will be queued."""
        return self.task.queue

    def draft(self, id_: str, *, chain: Chain | None = None, group: Group | None = None) -> Draft:
        """Its message, called `id_`.

        Raises:
            BadArguments, BadPayload: as `Task.enqueue`. ConfigError: the task cannot be part of anything.
        """
        self._check_singleton()
        one = self.task._draft(self.args, self.kwargs, None, None, None)
        header = replace(one.message.header, chain=chain, group=group)
        return replace(one, message=replace(one.message, id=id_, header=header))

    def link(self, *, passed: bool) -> Link:
        """It as a later call of a chain; `passed`: its first argument is what the one before returned."""
        if not passed:
            known = self.draft("a").message
            return Link(self.queue, known.header, _text(known.body), known.priority, known.flags)
        self._check_singleton()
        task, body = self.task, payload.encode(self.args, self.kwargs or {})
        task.signature.fit_later(*payload.decode(body))
        header = Header(task.name, result_ttl_ms=task.result_ttl_ms or None)
        return Link(self.queue, header, _text(body), task.priority, RECORDED if task.record else 0)

    def _check_singleton(self) -> None:
        rule = self.task.singleton
        if rule is not None and rule.scope is Scope.QUEUED:
            raise ConfigError(
                f"task {self.task.name} is a singleton with scope='queued', whose calls may be refused: it "
                "cannot be part of a group or chain; use scope='run', or queue it from a task that can"
            )


def _text(body: bytes) -> str:
    return b64encode(body).decode()
