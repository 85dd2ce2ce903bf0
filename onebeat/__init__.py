"""onebeat: cron for distributed Python in which every scheduled time happens once.

Names are imported when first used, so `import onebeat` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onebeat.app import App
    from onebeat.client import AsyncClient, Client
    from onebeat.locks import singleton
    from onebeat.queue.outgoing import Outgoing
    from onebeat.worker.context import Context
    from onebeat.worker.flow import chain, group
    from onebeat.worker.middleware import Middleware, middleware
    from onebeat.worker.retry import Retry
    from onebeat.worker.task import task
    from onebeat.worker.threads import Cancelled, HardTimeLimit, TimeLimit

__version__ = "0.1.0"
__all__ = [
    "App",
    "AsyncClient",
    "Cancelled",
    "Client",
    "Context",
    "HardTimeLimit",
    "Middleware",
    "Outgoing",
    "Retry",
    "TimeLimit",
    "chain",
    "group",
    "middleware",
    "singleton",
    "task",
]

_HOMES = {
    "App": "onebeat.app",
    "AsyncClient": "onebeat.client",
    "Client": "onebeat.client",
    "Context": "onebeat.worker.context",
    "Middleware": "onebeat.worker.middleware",
    "Outgoing": "onebeat.queue.outgoing",
    "Retry": "onebeat.worker.retry",
    "middleware": "onebeat.worker.middleware",
    "singleton": "onebeat.locks",
    "chain": "onebeat.worker.flow",
    "group": "onebeat.worker.flow",
    "task": "onebeat.worker.task",
    "Cancelled": "onebeat.worker.threads",
    "HardTimeLimit": "onebeat.worker.threads",
    "TimeLimit": "onebeat.worker.threads",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'onebeat' has no attribute {name!r}")
    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
