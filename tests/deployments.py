"""How do tests get a Sentinel or a Cluster of their own? Real servers of one machine, on loopback."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from onebeat.wire.slots import SLOTS, slot_of
from tests.servers import Server

WITHIN_S = 60.0
SERVICE = "mymaster"


def free_port() -> int:
    """A port that nobody uses now, low enough that the port of a Cluster's bus (10 000 more) exists too."""
    while True:
        port = 20_000 + secrets.randbelow(30_000)
        with socket.socket() as one, socket.socket() as other:
            try:
                one.bind(("127.0.0.1", port))
                other.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port


def until(what: Callable[[], Any], name: str) -> Any:
    """The first true answer of `what`; an error counts as none."""
    end_s = time.monotonic() + WITHIN_S
    problem: object = None
    while time.monotonic() < end_s:
        try:
            found = what()
        except Exception as one:
            problem = one
        else:
            if found:
                return found
        time.sleep(0.02)
    raise AssertionError(f"not in {WITHIN_S:g} s: {name} ({problem})")


class Reachable(Server):
    """A server that also listens on a TCP port of loopback (`tls`: options of one that speaks TLS there)."""

    def __init__(self, *options: str, binary: str | None = None, tls: Sequence[str] = ()) -> None:
        self.tcp = free_port()
        port = ("--tls-port", str(self.tcp), *tls) if tls else ("--port", str(self.tcp))
        quick = ("--repl-diskless-sync-delay", "0")  # a replica need not wait for others
        super().__init__("--bind", "127.0.0.1", *port, *quick, *options, binary=binary)

    def ask(self, *words: Any) -> Any:
        """One command, on the Unix socket."""
        with self.redis() as client:
            return client.execute_command(*words)


class Sentinels:
    """One master, its replicas, and Sentinels that fail over within a few seconds."""

    def __init__(self, replicas: int = 1, sentinels: int = 3, binary: str | None = None) -> None:
        self.servers = [Reachable(binary=binary) for _ in range(1 + replicas)]
        self.sentinels = [Reachable(binary=binary) for _ in range(sentinels)]
        self._quorum = sentinels // 2 + 1

    @property
    def url(self) -> str:
        """What a client is given."""
        hosts = ",".join(f"127.0.0.1:{one.tcp}" for one in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}/0"

    def start(self) -> Sentinels:
        first, *others = (server.start() for server in self.servers)
        for one in others:
            one.ask("REPLICAOF", "127.0.0.1", first.tcp)
        for one in others:
            until(lambda one=one: b"master_link_status:up" in _info(one, "replication"), "a replica in step")
        for sentinel in self.sentinels:
            _start_sentinel(sentinel)
            sentinel.ask("SENTINEL", "MONITOR", SERVICE, "127.0.0.1", first.tcp, self._quorum)
            # with other replicas left, a busy machine must not look like a second dead master
            down_ms = 500 if len(self.servers) < 3 else 3000
            for name, ms in (("down-after-milliseconds", down_ms), ("failover-timeout", 6000)):
                sentinel.ask("SENTINEL", "SET", SERVICE, name, ms)
        for sentinel in self.sentinels:
            until(lambda one=sentinel: self._sees_all(one), "Sentinels that know each other")
        return self

    def _sees_all(self, sentinel: Reachable) -> bool:
        told = b" ".join(_flat(sentinel.ask("SENTINEL", "MASTERS")))
        others, replicas = len(self.sentinels) - 1, len(self.servers) - 1
        return b"num-slaves %d " % replicas in told and b"num-other-sentinels %d " % others in told

    def master(self) -> Reachable:
        """The server that the Sentinels name."""
        named = until(
            lambda: next(s for s in self.sentinels if s.alive).ask(
                "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE
            ),
            "a named master",
        )
        return next(one for one in self.servers if one.tcp == int(named[1]))

    def failed_over(self, old: Reachable) -> bool:
        """Whether another server is master and says so."""
        new = self.master()
        return new is not old and new.ask("ROLE")[0] == b"master"

    def epoch(self) -> int:
        """How many failovers there were, as a Sentinel counts them."""
        told = list(_flat(next(s for s in self.sentinels if s.alive).ask("SENTINEL", "MASTERS")))
        return int(b" ".join(told).partition(b"config-epoch ")[2].split()[0])

    def rejoin(self, old: Reachable) -> None:
        """A master that died comes back as a replica, sooner than its Sentinels would tell it."""
        old.start()
        old.ask("REPLICAOF", "127.0.0.1", self.master().tcp)

    def remove(self) -> None:
        for one in (*self.sentinels, *self.servers):
            one.remove()


def _start_sentinel(sentinel: Reachable) -> None:
    """The same program as the server's; it keeps its state in its configuration file."""
    file = sentinel.home / "sentinel.conf"
    file.write_text(
        f"port {sentinel.tcp}\nbind 127.0.0.1\ndir {sentinel.home}\nunixsocket {sentinel.socket}\n"
    )
    sentinel.start_as([sentinel.binary, str(file), "--sentinel"])


class Cluster:
    """Masters that share the slots evenly, each with so many replicas."""

    def __init__(
        self, masters: int = 3, replicas: int = 0, binary: str | None = None, tls: Sequence[str] = ()
    ) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
        self.masters = [Reachable(*options, binary=binary, tls=tls) for _ in range(masters)]
        self.replicas = [Reachable(*options, binary=binary, tls=tls) for _ in range(masters * replicas)]

    @property
    def all(self) -> list[Reachable]:
        return [*self.masters, *self.replicas]

    @property
    def url(self) -> str:
        """What a client is given."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{one.tcp}" for one in self.all)

    def start(self) -> Cluster:
        for one in self.all:
            one.start()
        for number, one in enumerate(self.masters):
            one.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            slots = range(SLOTS * number // len(self.masters), SLOTS * (number + 1) // len(self.masters))
            one.ask("CLUSTER", "ADDSLOTS", *slots)
        for one in self.all[1:]:
            one.ask("CLUSTER", "MEET", "127.0.0.1", self.masters[0].tcp)
        for one in self.all:
            until(lambda one=one: self._whole(one), "nodes that know each other")
        for number, one in enumerate(self.replicas):
            one.ask("CLUSTER", "REPLICATE", self.id_of(self.masters[number % len(self.masters)]))
        for one in self.replicas:
            until(lambda one=one: b"master_link_status:up" in _info(one, "replication"), "a replica in step")
        return self

    def _whole(self, one: Reachable) -> bool:
        lines = one.ask("CLUSTER", "NODES")
        text = lines.decode() if isinstance(lines, bytes) else str(lines)
        return str(text).count("connected") >= len(self.all) and b"cluster_state:ok" in _raw(
            one, "CLUSTER", "INFO"
        )

    def id_of(self, one: Reachable) -> str:
        """The name of a node inside the Cluster."""
        told = one.ask("CLUSTER", "MYID")
        return told.decode() if isinstance(told, bytes) else str(told)

    def owner(self, key: str) -> Reachable:
        """Who serves the slot of `key` now."""
        slot = slot_of(key)
        alive = next(one for one in self.all if one.alive)
        for first, last, node, *_ in _raw_rows(alive, "CLUSTER", "SLOTS"):
            if int(first) <= slot <= int(last):
                return next(one for one in self.all if one.tcp == int(node[1]))
        raise AssertionError(f"nobody serves slot {slot}")

    def begin_move(self, key: str, to: Reachable) -> None:
        """The slot of `key` is about to leave its node."""
        slot, source = slot_of(key), self.owner(key)
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(to))

    def end_move(self, key: str, to: Reachable) -> None:
        """Its keys move, then the slot does."""
        slot, source = slot_of(key), self.owner(key)
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source.ask("MIGRATE", "127.0.0.1", to.tcp, "", 0, 10_000, "KEYS", *keys)
        for one in (to, source, *self.masters):
            if one.alive:
                one.ask("CLUSTER", "SETSLOT", slot, "NODE", self.id_of(to))

    def remove(self) -> None:
        for one in self.all:
            one.remove()


def _raw(server: Reachable, *words: Any) -> bytes:
    """The answer as the server wrote it, whatever redis-py makes of it."""
    answer = _raw_rows(server, *words)
    return answer if isinstance(answer, bytes) else str(answer).encode()


def _raw_rows(server: Reachable, *words: Any) -> Any:
    with server.redis() as client:
        line = client.connection_pool.get_connection()
        try:
            line.send_command(*words)
            return line.read_response()
        finally:
            client.connection_pool.release(line)


def _info(server: Reachable, section: str) -> bytes:
    return _raw(server, "INFO", section)


def _flat(rows: Any) -> Iterator[bytes]:
    if isinstance(rows, dict):
        for name, value in rows.items():
            yield from _flat(name)
            yield from _flat(value)
    elif isinstance(rows, (list, tuple)):
        for row in rows:
            yield from _flat(row)
    else:
        yield rows if isinstance(rows, bytes) else str(rows).encode()


@contextmanager
def running(deployment: Any) -> Iterator[Any]:
    """Started, and removed in the end even when it did not start."""
    with ExitStack() as stack:
        stack.callback(deployment.remove)
        yield deployment.start()
