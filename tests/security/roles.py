"""Which rights does each role need in Redis? `python -m tests.security.roles` writes the file.

A script runs with the rights of its caller, so a role needs every command that its scripts call and every key
that they declare. Only what is sent as a plain command is listed by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from onebeat.keys import TABLE
from onebeat.wire import load
from onebeat.wire.default import NAMESPACE

FILE = Path(__file__).resolve().parents[2] / "config" / "acl" / "onebeat.acl"
EVERYTHING = ("ob:{ns}:*", "ob:{ns:*")
# behind a Sentinel each connection asks who is master; in a Cluster, where the slots are
CONNECT = ("select", "eval", "evalsha", "role", "cluster|slots", "asking")
_CALLED = re.compile(r"redis\.call\('(\w+)'")
# Who has a key that a script of this room declares: `ob:{ns:queue}…`, `ob:{ns:lock:name}…` or `ob:{ns}…`;
# some scripts of locks are about shares.
_OWNER = {"queue": "{ns:queue}", "locks": "{ns:lock:name}", "scheduler": "{ns}"}
_OF_SHARES = ("locks/share", "locks/prolong", "locks/roster")
_MANY = {"owners": "owner", "bells": "bell"}


@dataclass(frozen=True, slots=True)
class Role:
    """`commands` are sent beside the scripts, on `keys` (patterns of `keys.TABLE`)."""

    scripts: tuple[str, ...]
    commands: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()


ROLES: dict[str, Role] = {
    "client": Role(
        ("queue/enqueue", "queue/collect", "queue/gather"),
        # for `durability`: a wait behind a call, and a write between the two; servers before Redis 7.2
        # would refuse a file that names WAITAOF
        ("hget", "sadd", "xread", "pexpire", "wait"),
        ("ob:{ns}:queues", "ob:{ns:queue}:told:<id>", "ob:{ns:queue}:progress"),
    ),
    "locks": Role(
        (
            *("locks/acquire", "locks/renew", "locks/release", "locks/ring", "locks/peek"),
            *("locks/extend", "locks/rename"),
            "locks/witness",
            *_OF_SHARES,
        ),
        ("blpop",),
        ("ob:{ns:lock:name}:bell:<token>", "ob:{ns:share:name}:bell:<token>"),
    ),
    "beat": Role(
        (
            *("scheduler/lead", "scheduler/resign", "queue/adopt", "queue/enrol", "queue/emit"),
            *("queue/arrive", "queue/depart", "scheduler/declare"),
        ),
        ("sadd", "sscan", "hscan", "zscan", "hget", "hlen", "hmget", "hset", "set", "info"),
        ("ob:{ns}:queues", "ob:{ns}:cluster", "ob:{ns}:declared"),
    ),
    "schedules": Role(
        ("scheduler/declare", "queue/revise", "queue/pause", "queue/resume", "queue/insert"),
        ("sadd", "get", "hget", "hscan", "zscore", "xrevrange"),
        ("ob:{ns}:queues", "ob:{ns}:declared"),
    ),
    "worker": Role(
        (
            *("queue/beat", "queue/cycle", "queue/recover", "queue/release", "queue/wake", "queue/cancel"),
            *("queue/tell", "queue/tally"),
        ),
        ("bzpopmin", "hset", "hdel", "hscan", "exists", "xinfo|stream", "xrange", "info"),
        ("ob:{ns}:workers", "ob:{ns:queue}:log"),
        includes=("client", "locks"),
    ),
    "viewer": Role(
        ("locks/peek", "locks/roster"),
        (
            *("info", "time", "get", "exists", "scan", "sscan", "hscan", "hlen", "hget", "hexists"),
            *(
                "hmget",
                "llen",
                "lrange",
                "zcard",
                "zrange",
                "zrevrange",
                "zmscore",
                "zscore",
                "xinfo|stream",
                "xrange",
            ),
        ),
        EVERYTHING,
    ),
    "operator": Role(
        (
            *("locks/release", "locks/ring", "queue/cancel", "queue/depart"),
            *("queue/redrive", "queue/discard", "queue/halt", "queue/purge"),
        ),
        ("hset", "zrangebyscore"),
        includes=("viewer", "client", "schedules"),
    ),
}


def scripts_of(role: Role) -> set[str]:
    """`room/verb` of every script it may run."""
    return {*role.scripts}.union(*(scripts_of(ROLES[name]) for name in role.includes))


def commands_of(role: Role) -> set[str]:
    """Every command it may send, or have sent by a script."""
    called = {
        command.lower() for name in role.scripts for command in _CALLED.findall(load(*name.split("/")).text)
    }
    return called.union(CONNECT, role.commands, *(commands_of(ROLES[name]) for name in role.includes))


def patterns_of(role: Role) -> set[str]:
    """The rows of `keys.TABLE` that it may touch."""
    declared = {_row(name, slot.name) for name in role.scripts for slot in load(*name.split("/")).keys}
    return declared.union(role.keys, *(patterns_of(ROLES[name]) for name in role.includes))


def _row(script: str, slot: str) -> str:
    """The row that a script means by a name of its header."""
    owner = "{ns:share:name}" if script in _OF_SHARES else _OWNER[script.split("/")[0]]
    owner = "{ns}" if slot == "born" else owner
    found = re.compile(re.escape(f"ob:{owner}:{_MANY.get(slot, slot)}") + r"(:<\w+>)?")
    rows = [row.pattern for row in TABLE if found.fullmatch(row.pattern)]
    assert len(rows) == 1, f"{script}: {slot} is {rows}"
    return rows[0]


def glob(pattern: str, namespace: str) -> str:
    """The pattern as the server matches it."""
    own = pattern.replace("{ns", f"{{{namespace}", 1)
    return re.sub(r"<\w+>", "*", re.sub(r":(lock:|share:)?(name|queue)}", r":\1*}", own))


def rights(role: Role, namespace: str = NAMESPACE) -> list[str]:
    """The words of the role's rules; they begin by taking every right away."""
    keys = {glob(pattern, namespace) for pattern in patterns_of(role)}
    wide = {glob(pattern, namespace) for pattern in EVERYTHING}
    kept = sorted(wide if wide <= keys else keys)
    commands = sorted(commands_of(role))
    return [
        "resetkeys",
        "resetchannels",
        "-@all",
        *(f"~{key}" for key in kept),
        *(f"+{word}" for word in commands),
    ]


def text() -> str:
    """The whole file. No user has a password yet, so nobody can log in before an operator sets one."""
    lines = ["user default off resetpass resetkeys resetchannels -@all"]
    lines += [f"user onebeat-{name} on {' '.join(rights(role))}" for name, role in ROLES.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
