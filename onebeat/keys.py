"""Which keys does onebeat keep in Redis, and what is in each? Pure.

All state that must change together carries one hash tag and so shares a slot: `T = {<ns>:<queue>}`.
Key names are built here and nowhere else; `docs/reference/redis.md` is generated from `TABLE`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from onebeat.errors import InvalidName

PRIORITIES = 4  # 0 is served first
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", re.ASCII)
SCHEDULE_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Key:
    """One kind of key: `life` is `permanent`, `in use` (deleted when empty) or `ttl`."""

    pattern: str
    type: str
    life: str
    meaning: str


TABLE: tuple[Key, ...] = (
    Key("ob:{ns:queue}:ready:<p>", "list", "in use", "records ready to run, priority p = 0 (first) … 3"),
    Key("ob:{ns:queue}:own:<wid>", "hash", "in use", "id → record that wid holds; `#`: its last number"),
    Key("ob:{ns:queue}:lease", "zset", "in use", "wid → end of its lease, Redis ms"),
    Key("ob:{ns:queue}:due", "zset", "in use", "id → due ms of delayed messages and retries"),
    Key("ob:{ns:queue}:duerec", "hash", "in use", "id → record of delayed messages and retries"),
    Key("ob:{ns:queue}:dead", "zset", "permanent", "id → died ms of dead letters"),
    Key("ob:{ns:queue}:deadrec", "hash", "permanent", "id → record of a dead letter"),
    Key("ob:{ns:queue}:deadwhy", "hash", "permanent", "id → why it died: JSON with reason and traceback"),
    Key("ob:{ns:queue}:uniq:<hash>", "string", "ttl", "id and fingerprint of an idempotent enqueue"),
    Key(
        "ob:{ns:queue}:unique",
        "hash",
        "in use",
        "singleton → id of the message that is queued for it, and id → singleton",
    ),
    Key(
        "ob:{ns:queue}:parked",
        "zset",
        "in use",
        "lock or key, place and id of what waits for a lock, slot or token, in the order of its turn; its "
        "record is in `duerec`",
    ),
    Key(
        "ob:{ns:queue}:slots",
        "hash",
        "in use",
        "hash of a concurrency key → how many of its messages may run, and id of each of them → that hash",
    ),
    Key("ob:{ns:queue}:rates", "zset", "ttl", "hash of a key → when all tokens of its rate are back, µs"),
    Key("ob:{ns:queue}:parkedof", "hash", "in use", "id → its member of `parked`"),
    Key(
        "ob:{ns:queue}:awaited",
        "hash",
        "in use",
        "id → for how long its result will be kept, ms, and `w` while somebody waits; until it is over",
    ),
    Key("ob:{ns:queue}:results", "hash", "in use", "id → how it ended, and its value"),
    Key("ob:{ns:queue}:kept", "zset", "in use", "id → until when its result is kept, ms"),
    Key("ob:{ns:queue}:progress", "hash", "in use", "id → when, ms, and how far its run is: JSON"),
    Key("ob:{ns:queue}:told:<id>", "stream", "ttl", "wakes those who wait for the end of one message"),
    Key("ob:{ns:queue}:outbox", "hash", "in use", "id that is done → what follows it in another queue"),
    Key("ob:{ns:queue}:groups", "zset", "in use", "group that is open → when it was made, ms"),
    Key("ob:{ns:queue}:members:<group>", "hash", "ttl", "of a group: how many, what follows, who is done"),
    Key("ob:{ns:queue}:lane:<lane>", "string", "ttl", "last sequence number and answers of one sender"),
    Key("ob:{ns:queue}:fence", "string", "permanent", "last fence handed out with a claim"),
    Key("ob:{ns:queue}:bell", "zset", "in use", "one marker that wakes one idle worker"),
    Key("ob:{ns:queue}:sched", "hash", "permanent", "schedule id → cursor, ms of the last decided nominal"),
    Key("ob:{ns:queue}:next", "zset", "permanent", "schedule id → next nominal ms"),
    Key(
        "ob:{ns:queue}:gen",
        "hash",
        "permanent",
        "configuration → its generation; `made`: revision of programs; `born`",
    ),
    Key("ob:{ns:queue}:seen", "zset", "permanent", "configuration hash → when a beat last used it, ms"),
    Key("ob:{ns:queue}:live", "hash", "in use", "schedule id → messages of it that are not over"),
    Key("ob:{ns:queue}:waiting", "zset", "in use", "ids that wait until the run before them is over"),
    Key("ob:{ns:queue}:waitrec", "hash", "in use", "id → record that waits for the run before it"),
    Key("ob:{ns:queue}:cancel", "zset", "in use", "id → until when the wish to cancel it stands, ms"),
    Key(
        "ob:{ns:queue}:cutoff", "zset", "in use", "schedule id → nominal ms; its older messages are cancelled"
    ),
    Key("ob:{ns:queue}:paused", "hash", "permanent", "schedule id → paused until, ms (0: for good), and why"),
    Key("ob:{ns:queue}:fails", "hash", "permanent", "schedule id → its runs that failed in a row"),
    Key("ob:{ns:queue}:runs", "hash", "permanent", "schedule id → its fires so far, where it has a limit"),
    Key(
        "ob:{ns:queue}:halt",
        "string",
        "permanent",
        "until when nothing is claimed, ms (0: for good), and why",
    ),
    Key("ob:{ns:queue}:stats", "hash", "permanent", "counters by name"),
    Key("ob:{ns:queue}:log", "stream", "permanent", "event log, capped"),
    Key("ob:{ns:lock:name}:owner", "string", "ttl", "token of the holder"),
    Key("ob:{ns:lock:name}:state", "hash", "ttl", "fence, tickets, holder; outlives the owner"),
    Key("ob:{ns:lock:name}:queue", "zset", "ttl", "ticket → token of who waits"),
    Key("ob:{ns:lock:name}:waiters", "hash", "ttl", "token → how to wake it and until when it waits"),
    Key("ob:{ns:lock:name}:bell:<token>", "list", "ttl", "mailbox of one waiter"),
    Key("ob:{ns:share:name}:permits", "zset", "ttl", "token of who is in → end of its lease, Redis ms"),
    Key("ob:{ns:share:name}:holders", "hash", "ttl", "token of who is in → its fence and who that is"),
    Key("ob:{ns:share:name}:state", "hash", "ttl", "fence, tickets, who is in alone; outlives the permits"),
    Key("ob:{ns:share:name}:queue", "zset", "ttl", "ticket → token of who waits"),
    Key("ob:{ns:share:name}:waiters", "hash", "ttl", "token → until when it waits, and its room"),
    Key("ob:{ns:share:name}:bell:<token>", "list", "ttl", "mailbox of one waiter"),
    # Beside a lock with redis-py's face: its owner is the plain key `name`, as redis-py would write it.
    Key("ob:{<tag>}:lock-of:<name>:state", "hash", "ttl", "fence, tickets, holder; outlives the owner"),
    Key("ob:{<tag>}:lock-of:<name>:queue", "zset", "ttl", "ticket → token of who waits"),
    Key("ob:{<tag>}:lock-of:<name>:waiters", "hash", "ttl", "token → until when it waits"),
    Key("ob:{<tag>}:lock-of:<name>:bell:<token>", "list", "ttl", "mailbox of one waiter"),
    Key("ob:{ns}:leader", "string", "ttl", "token of the beat that emits first"),
    Key("ob:{ns}:beats", "hash", "permanent", "beat → who and where, for people"),
    Key("ob:{ns}:workers", "hash", "permanent", "worker → who and where, for people"),
    Key(
        "ob:{ns}:declared",
        "string",
        "permanent",
        "what the running configuration declares, for plan and diff",
    ),
    Key("ob:{ns}:schedules", "hash", "permanent", "schedule id → what a program made: revision, birth, JSON"),
    Key("ob:{ns}:queues", "set", "permanent", "queues that anyone ever used"),
    Key("ob:{ns}:born", "string", "permanent", "when the data of a member of a quorum began, Redis ms"),
    Key(
        "ob:{ns}:cluster",
        "hash",
        "permanent",
        "cluster id, format version, approved configuration, former schedule ids",
    ),
)


def checked(kind: str, name: str) -> str:
    """`name` itself, if a key can carry it. A namespace has no colon: that is where it ends in a key.

    Raises:
        InvalidName: empty, longer than 64, or with characters such as braces or spaces.
    """
    ends = kind == "namespace" and ":" in name  # else queue c of a:b would be queue b:c of a
    if ends or not _NAME.fullmatch(name):
        colon = "" if kind == "namespace" else ": "
        raise InvalidName(
            f"{kind} {name!r} is not a valid name: "
            f"use 1 to 64 of A-Z a-z 0-9 _ . {colon}- and start with a letter or digit"
        )
    return name


class QueueKeys:
    """The keys of one queue; attributes are the names of `TABLE`."""

    def __init__(self, namespace: str, queue: str) -> None:
        self.queue = checked("queue", queue)
        self.prefix = prefix = f"ob:{{{checked('namespace', namespace)}:{queue}}}"
        self.ready = tuple(f"{prefix}:ready:{p}" for p in range(PRIORITIES))
        self.lease = f"{prefix}:lease"
        self.due = f"{prefix}:due"
        self.duerec = f"{prefix}:duerec"
        self.dead = f"{prefix}:dead"
        self.deadrec = f"{prefix}:deadrec"
        self.deadwhy = f"{prefix}:deadwhy"
        self.unique = f"{prefix}:unique"
        self.parked = f"{prefix}:parked"
        self.parkedof = f"{prefix}:parkedof"
        self.awaited = f"{prefix}:awaited"
        self.results = f"{prefix}:results"
        self.kept = f"{prefix}:kept"
        self.outbox = f"{prefix}:outbox"
        self.groups = f"{prefix}:groups"
        self.progress = f"{prefix}:progress"
        self.slots = f"{prefix}:slots"
        self.rates = f"{prefix}:rates"
        self.fence = f"{prefix}:fence"
        self.bell = f"{prefix}:bell"
        self.sched = f"{prefix}:sched"
        self.next = f"{prefix}:next"
        self.gen = f"{prefix}:gen"
        self.seen = f"{prefix}:seen"
        self.live = f"{prefix}:live"
        self.waiting = f"{prefix}:waiting"
        self.waitrec = f"{prefix}:waitrec"
        self.cancel = f"{prefix}:cancel"
        self.cutoff = f"{prefix}:cutoff"
        self.paused = f"{prefix}:paused"
        self.fails = f"{prefix}:fails"
        self.runs = f"{prefix}:runs"
        self.halt = f"{prefix}:halt"
        self.stats = f"{prefix}:stats"
        self.log = f"{prefix}:log"

    def own(self, wid: str) -> str:
        """Where worker incarnation `wid` keeps what it holds."""
        return f"{self.prefix}:own:{wid}"

    def uniq(self, digest: str) -> str:
        """The marker of an idempotent enqueue."""
        return f"{self.prefix}:uniq:{digest}"

    def told(self, id_: str) -> str:
        """The mailbox of those who wait for the end of one message."""
        return f"{self.prefix}:told:{id_}"

    def members(self, group: str) -> str:
        """What is known of one group."""
        return f"{self.prefix}:members:{group}"

    def lane(self, lane: str) -> str:
        """The last sequence number of one sender."""
        return f"{self.prefix}:lane:{lane}"


@lru_cache(maxsize=1024)
def queue_keys(namespace: str, queue: str) -> QueueKeys:
    """The keys of `queue`, built once."""
    return QueueKeys(namespace, queue)


class _HoldKeys:
    """What a lock and a share have in common: who waits, and what outlives its holders."""

    __slots__ = ("name", "prefix", "queue", "state", "waiters")

    def __init__(self, namespace: str, kind: str, name: str) -> None:
        if not name or len(name) > 512:
            raise InvalidName(f"lock name {name!r} must have 1 to 512 characters")
        self.name = name
        self.prefix = prefix = f"ob:{{{checked('namespace', namespace)}:{kind}:{name}}}"
        self.state = f"{prefix}:state"
        self.queue = f"{prefix}:queue"
        self.waiters = f"{prefix}:waiters"

    def bell(self, token: str) -> str:
        """The mailbox of the waiter with this token."""
        return f"{self.prefix}:bell:{token}"


class LockKeys(_HoldKeys):
    """The keys of one lock; `name` may be any text, the keys still share one slot."""

    __slots__ = ("owner",)

    def __init__(self, namespace: str, name: str) -> None:
        super().__init__(namespace, "lock", name)
        self.owner = f"{self.prefix}:owner"


class ShareKeys(_HoldKeys):
    """The keys of what several may hold at once: a semaphore or a lock for readers and writers."""

    __slots__ = ("holders", "permits")

    def __init__(self, namespace: str, name: str) -> None:
        super().__init__(namespace, "share", name)
        self.permits = f"{self.prefix}:permits"
        self.holders = f"{self.prefix}:holders"


class PlainLockKeys(LockKeys):
    """The keys of a lock with redis-py's face: the owner is the very key that redis-py's lock would write.

    So both exclude each other while a fleet moves from one to the other. The other keys share its slot,
    unless it has a brace that opens no tag.
    """

    __slots__ = ()

    def __init__(self, name: str) -> None:
        if not name:
            raise InvalidName("a lock needs a name of at least one character")
        tag = re.match(r"[^{]*\{([^}]+)\}", name)
        self.name = self.owner = name
        self.prefix = prefix = f"ob:{{{tag[1] if tag else name}}}:lock-of:{name}"
        self.state = f"{prefix}:state"
        self.queue = f"{prefix}:queue"
        self.waiters = f"{prefix}:waiters"


class SpaceKeys:
    """The keys of a whole namespace: who is alive, which queues exist."""

    __slots__ = ("beats", "born", "cluster", "declared", "leader", "queues", "schedules", "workers")

    def __init__(self, namespace: str) -> None:
        prefix = f"ob:{{{checked('namespace', namespace)}}}"
        self.leader = f"{prefix}:leader"
        self.beats = f"{prefix}:beats"
        self.workers = f"{prefix}:workers"
        self.queues = f"{prefix}:queues"
        self.schedules = f"{prefix}:schedules"
        self.born = f"{prefix}:born"
        self.cluster = f"{prefix}:cluster"
        self.declared = f"{prefix}:declared"
