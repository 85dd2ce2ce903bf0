"""Which scripts does the queue own? One name per verb of `lua/`."""

from __future__ import annotations

from onebeat.wire.scripts import load_all

VERBS = ("adopt", "beat", "cycle", "emit", "enqueue", "enrol", "recover", "release")
ADOPT, BEAT, CYCLE, EMIT, ENQUEUE, ENROL, RECOVER, RELEASE = load_all("queue", VERBS)

BATCH_MAX = 256  # rows in one script call: keeps a call under a millisecond of server time
LOG_MAX = 100_000  # entries that a queue's event log keeps, about
