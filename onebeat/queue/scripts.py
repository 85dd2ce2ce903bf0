"""Which scripts does the queue own? One name per verb of `lua/`."""

from __future__ import annotations

from onebeat.wire.scripts import load_all

VERBS = (
    *("adopt", "beat", "cancel", "cycle", "emit", "enqueue", "enrol"),
    *("insert", "pause", "recover", "release", "resume", "revise"),
)
ADOPT, BEAT, CANCEL, CYCLE, EMIT, ENQUEUE, ENROL, INSERT, PAUSE, RECOVER, RELEASE, RESUME, REVISE = load_all(
    "queue", VERBS
)
OPERATORS = ("redrive", "discard", "halt", "purge")
REDRIVE, DISCARD, HALT, PURGE = load_all("queue", OPERATORS)
ARRIVE, DEPART, WAKE = load_all("queue", ("arrive", "depart", "wake"))
COLLECT, TELL = load_all("queue", ("collect", "tell"))
GATHER, TALLY = load_all("queue", ("gather", "tally"))

BATCH_MAX = 256  # rows in one script call: keeps a call under a millisecond of server time
WAIT_MAX = 1_000  # messages of one schedule that wait for the one before them
LOG_MAX = 100_000  # entries that a queue's event log keeps, about
