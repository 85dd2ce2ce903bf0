"""What does the reference say about the store: what is in it, how it is named, what its errors mean?"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from docs.spelling import code, layout, table
from onebeat import keys
from onebeat.errors import Remedy
from onebeat.queue import record
from onebeat.wire import urls
from onebeat.wire.failures import FAILURES


def redis() -> Iterator[str]:
    """Every key and the bytes of a message."""
    yield "# What is in Redis\n"
    yield (
        "All keys of a queue share one hash tag, `{namespace:queue}`, and so one slot of a cluster.\n"
        "Life: `permanent`, `in use` (gone when empty) or `ttl` (expires by itself).\n"
    )
    yield table(
        ("key", "type", "life", "meaning"), [(code(k.pattern), k.type, k.life, k.meaning) for k in keys.TABLE]
    )
    yield "## A stored message\n"
    yield layout(inspect.getdoc(record) or "")


def store() -> Iterator[str]:
    """The forms of a URL, and the table of errors."""
    yield "# The store's URL, and what its errors mean\n"
    yield layout(inspect.getdoc(urls) or "")
    yield (inspect.getdoc(urls) or "").rpartition("\n\n")[2] + "\n"
    yield "## Errors\n"
    yield (
        "Every script can be sent again, so what may pass is waited for, with growing pauses; an address\n"
        "that no longer leads to the master is looked for again; the rest ends beat, worker and commands\n"
        "with exit code 5.\n"
    )
    rows = [(code(one.word), one.remedy.name.lower(), one.mend) for one in FAILURES]
    yield table(("the server says", "onebeat does", "what it means"), rows)
    yield "\n".join(f"- `{one.name.lower()}`: {one.value}" for one in Remedy) + "\n"
