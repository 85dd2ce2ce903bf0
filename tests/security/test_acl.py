"""Can each role do its work with the rights of `config/acl/onebeat.acl`, and nothing else?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onebeat.errors import Remedy, StoreError
from onebeat.keys import TABLE
from onebeat.wire import Chain, Command, Effect, Store
from tests.security.guarded import Guarded
from tests.security.roles import CONNECT, FILE, ROLES, commands_of, glob, patterns_of, text
from tests.security.work import ACTS

NS = "NAMESPACE"
# Start-up asks how the server saves and goes on without an answer: CONFIG GET also tells passwords.
IN_VAIN = "config|get"
# Nobody of onebeat's users may do these, directly or from a script of their own.
NEVER: tuple[tuple[str, ...], ...] = (
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("KEYS", "*"),
    ("RANDOMKEY",),
    ("CONFIG", "GET", "requirepass"),
    ("CONFIG", "SET", "dir", "/tmp"),
    ("CONFIG", "REWRITE"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", "me", "on", "nopass", "+@all"),
    ("ACL", "WHOAMI"),
    ("CLIENT", "LIST"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("MONITOR",),
    ("DEBUG", "SLEEP", "0"),
    ("SHUTDOWN", "NOSAVE"),
    ("REPLICAOF", "NO", "ONE"),
    ("MODULE", "LIST"),
    ("SCRIPT", "FLUSH"),
    ("FUNCTION", "LIST"),
    ("SAVE",),
    ("SLOWLOG", "GET"),
    ("PUBLISH", "x", "y"),
    ("SUBSCRIBE", "x"),
    ("DUMP", "ob:{NAMESPACE:default}:ready:0"),
    ("RENAME", "ob:{NAMESPACE:default}:ready:0", "x"),
    ("MIGRATE", "127.0.0.1", "1", "x", "0", "1"),
    ("GET", "foreign"),
    ("SET", "foreign", "1"),
    ("GET", "ob:{NAMESPACEs}:leader"),
    ("GET", "ob:{NAMESPACEs:lock:x}:owner"),
    ("GET", "ob:{other:default}:fence"),
    ("GET", "session:ob:{NAMESPACE}:leader"),
)
# role → what others may and it may not
NOT_MINE: dict[str, tuple[tuple[str, ...], ...]] = {
    "client": (
        ("LPOP", "ob:{NAMESPACE:default}:ready:0"),
        ("LRANGE", "ob:{NAMESPACE:default}:ready:0", "0", "-1"),
        ("GET", "ob:{NAMESPACE:default}:fence"),
        ("HSET", "ob:{NAMESPACE:default}:sched", "a", "0"),
        ("HGET", "ob:{NAMESPACE:default}:deadrec", "a"),
        ("SET", "ob:{NAMESPACE}:leader", "me"),
        ("SET", "ob:{NAMESPACE:lock:x}:owner", "me"),
        ("XRANGE", "ob:{NAMESPACE:default}:log", "-", "+"),
        ("DEL", "ob:{NAMESPACE:default}:ready:0"),
        ("INFO",),
    ),
    "locks": (
        ("RPUSH", "ob:{NAMESPACE:default}:ready:0", "x"),
        ("GET", "ob:{NAMESPACE}:leader"),
        ("BLPOP", "ob:{NAMESPACE:default}:ready:0", "1"),
        ("INFO",),
    ),
    "beat": (
        ("LPOP", "ob:{NAMESPACE:default}:ready:0"),
        ("HLEN", "ob:{NAMESPACE:default}:own:w"),
        ("SET", "ob:{NAMESPACE:lock:x}:owner", "me"),
        ("XRANGE", "ob:{NAMESPACE:default}:log", "-", "+"),
    ),
    "schedules": (
        ("LPOP", "ob:{NAMESPACE:default}:ready:0"),
        ("LRANGE", "ob:{NAMESPACE:default}:ready:0", "0", "-1"),
        ("SET", "ob:{NAMESPACE}:leader", "me"),
        ("SET", "ob:{NAMESPACE:lock:x}:owner", "me"),
        ("DEL", "ob:{NAMESPACE}:schedules"),
        ("INFO",),
    ),
    "worker": (
        ("SET", "ob:{NAMESPACE}:leader", "me"),
        ("HSET", "ob:{NAMESPACE:default}:sched", "a", "0"),
        ("HSET", "ob:{NAMESPACE:default}:gen", "top", "x"),
        ("SCAN", "0"),
    ),
    "viewer": (
        ("RPUSH", "ob:{NAMESPACE:default}:ready:0", "x"),
        ("DEL", "ob:{NAMESPACE:default}:ready:0"),
        ("SET", "ob:{NAMESPACE}:leader", "me"),
        ("SADD", "ob:{NAMESPACE}:queues", "x"),
        ("ZREM", "ob:{NAMESPACE:default}:dead", "x"),
    ),
    "operator": (
        ("UNLINK", "ob:{NAMESPACE:default}:ready:0"),
        ("LTRIM", "ob:{NAMESPACE:default}:ready:0", "1", "0"),
    ),
}
REFUSED = [(role, words) for role in ROLES for words in (*NEVER, *NOT_MINE[role])]


class Watched(Store):
    """Remembers the plain commands that were sent."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.sent: set[str] = set()

    def perform(self, effect: Effect) -> Any:
        commands = effect.behind if isinstance(effect, Chain) else (effect,)
        for command in commands:
            if isinstance(command, Command):
                word, *rest = (str(part).lower() for part in command.words)
                self.sent.add(f"{word}|{rest[0]}" if word in ("xinfo", "config") else word)
        return super().perform(effect)


@pytest.fixture
def admin(guarded: Guarded) -> Iterator[Store]:
    with Store.open(guarded.url, guarded.namespace) as store:
        store.client.flushall()
        guarded.refusals(store.client)
        yield store


def test_the_file_is_what_the_scripts_need() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), (
        "run 'python -m tests.security.roles' and look at the diff"
    )


def test_nobody_gets_in_without_a_password(guarded: Guarded) -> None:
    for user in ("", *(f"onebeat-{role}:@" for role in ROLES)):
        with Store.open(f"unix://{user}{guarded.socket}") as store, pytest.raises(StoreError) as raised:
            store.perform(Command(("PING",)))
        assert raised.value.remedy is Remedy.FATAL


def test_nobody_has_a_password_before_an_operator_sets_one() -> None:
    words = [line.split() for line in FILE.read_text(encoding="utf-8").splitlines()]
    assert words[0][:4] == ["user", "default", "off", "resetpass"]
    assert not [word for line in words for word in line if word == "nopass" or word[0] in "><#!"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_can_do_its_work(role: str, guarded: Guarded, admin: Store, tmp_path: Path) -> None:
    with guarded.store(role) as store:
        ACTS[role](store, admin, tmp_path)
    refused = set(guarded.refusals(admin.client))
    assert refused <= {f"onebeat-{role}: {IN_VAIN}"}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_no_command_that_it_does_not_use(
    role: str, guarded: Guarded, admin: Store, tmp_path: Path
) -> None:
    """Its plain commands; what the scripts call is read from them."""
    watched = Watched.open(guarded.url_of(role), guarded.namespace)
    with watched:
        ACTS[role](watched, admin, tmp_path)
    included = (ROLES[name] for name in ROLES[role].includes)
    assert {*ROLES[role].commands}.union(*(one.commands for one in included)) == watched.sent - {IN_VAIN}


@pytest.mark.parametrize(
    ("role", "words"), REFUSED, ids=lambda value: "-".join(value) if isinstance(value, tuple) else value
)
def test_a_role_can_do_nothing_else(
    role: str, words: tuple[str, ...], guarded: Guarded, admin: Store
) -> None:
    named = tuple(word.replace(NS, guarded.namespace) for word in words)
    with guarded.store(role) as store:
        with pytest.raises(StoreError, match="NOPERM") as raised:
            store.perform(Command(named))
        assert raised.value.remedy is Remedy.FATAL
        # A script has the rights of its caller, whether or not it declares the keys it touches.
        quoted = ",".join(f"'{word}'" for word in named)
        with pytest.raises(StoreError):
            store.perform(Command(("EVAL", f"return redis.call({quoted})", 0)))
    assert admin.client.dbsize() == 0


def test_every_key_belongs_to_a_role() -> None:
    """A key that no role may touch is one that nobody uses, or one that a role was forgotten for."""
    reached = set[str]().union(*(patterns_of(ROLES[name]) for name in ("beat", "worker")))
    of_foreign_names = {row.pattern for row in TABLE if ":lock-of:" in row.pattern}  # nobody can list them
    assert {row.pattern for row in TABLE} - reached == of_foreign_names


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("ob:{ns}:leader", "ob:{a}:leader"),
        ("ob:{ns:queue}:ready:<p>", "ob:{a:*}:ready:*"),
        ("ob:{ns:lock:name}:bell:<token>", "ob:{a:lock:*}:bell:*"),
        ("ob:{ns:*", "ob:{a:*"),
    ],
)
def test_a_pattern_as_the_server_matches_it(pattern: str, shown: str) -> None:
    assert glob(pattern, "a") == shown


def test_no_role_has_a_right_over_the_server() -> None:
    for role in ROLES.values():
        assert not commands_of(role) & {
            "config",
            "acl",
            "client",
            "keys",
            "flushall",
            "script",
            "debug",
            "shutdown",
        }
        assert set(CONNECT) <= commands_of(role)
