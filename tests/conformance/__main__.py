"""On which servers and deployments does all of onebeat work? `make test-servers`.

Runs one whole life on each, then takes a server away under load; prints a row for each, and one with the
reason for what this machine cannot run. Exits with 1 when something failed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.life import live
from tests.conformance.outages import black_hole, restarts
from tests.conformance.programs import Program, programs
from tests.conformance.storm import Load, weather
from tests.conformance.tls import make_certificate, why_no_certificates
from tests.deployments import Cluster, Reachable, Sentinels, running, until
from tests.security.guarded import Guarded

KEY = "ob:{storm:default}:stats"


@dataclass(frozen=True, slots=True)
class Row:
    """One trial: what is run on which program, and why it cannot be (empty: it can)."""

    program: Program
    deployment: str
    trial: Callable[[Path], object] | None = None
    why: str = ""


def rows_of(program: Program) -> Iterator[Row]:
    """Every trial of one program."""
    if program.why:
        yield Row(program, "all", why=program.why)
        return
    for trial in (
        single,
        restarts,
        black_hole,
        sentinel,
        sentinel_failover,
        sentinel_failover_replicated,
        cluster,
        cluster_failover,
        cluster_reshard,
        acl,
    ):
        yield Row(
            program, trial.__name__.replace("_", " "), lambda folder, one=trial: one(program.path, folder)
        )
    why = why_no_certificates() or ("" if program.speaks_tls else "this program was built without TLS")
    for trial in (tls, tls_cluster):
        run = None if why else lambda folder, one=trial: one(program.path, folder)
        yield Row(program, trial.__name__.replace("_", " "), run, why)


def single(binary: str, folder: Path) -> object:
    with running(Reachable(binary=binary)) as server:
        return live(folder, f"redis://127.0.0.1:{server.tcp}/0")


def sentinel(binary: str, folder: Path) -> object:
    with running(Sentinels(replicas=2, sentinels=3, binary=binary)) as sentinels:
        return live(folder, sentinels.url)


def sentinel_failover(binary: str, folder: Path) -> object:
    with running(Sentinels(replicas=2, sentinels=3, binary=binary)) as sentinels:
        old = sentinels.master()

        def fail_over(_load: Load) -> None:
            old.kill()
            until(lambda: sentinels.failed_over(old), "a replica is master")

        try:
            return weather(folder, sentinels.url, fail_over, may_lose=True, workers=2)
        except AssertionError as problem:
            raise AssertionError(f"after {sentinels.epoch()} failovers: {problem}") from None


def sentinel_failover_replicated(binary: str, folder: Path) -> object:
    """With one replica, which is the one that is waited for: nothing that was acknowledged may be lost."""
    with running(Sentinels(replicas=1, sentinels=3, binary=binary)) as sentinels:
        old = sentinels.master()

        def fail_over(_load: Load) -> None:
            old.kill()
            until(lambda: sentinels.failed_over(old), "the replica is master")
            sentinels.rejoin(old)  # else nobody is left who could confirm

        return weather(folder, sentinels.url, fail_over, may_lose=False, durability="replicated", workers=2)


def cluster(binary: str, folder: Path) -> object:
    with running(Cluster(masters=3, binary=binary)) as nodes:
        return live(folder, nodes.url)


def cluster_failover(binary: str, folder: Path) -> object:
    with running(Cluster(masters=3, replicas=1, binary=binary)) as nodes:
        old = nodes.owner(KEY)

        def fail_over(_load: Load) -> None:
            old.kill()
            until(lambda: nodes.owner(KEY) is not old, "a replica serves the slots")

        return weather(folder, nodes.url, fail_over, may_lose=True, workers=2)


def cluster_reshard(binary: str, folder: Path) -> object:
    with running(Cluster(masters=3, binary=binary)) as nodes:

        def move(_load: Load) -> None:
            for _ in range(5):
                to = next(one for one in nodes.masters if one is not nodes.owner(KEY))
                nodes.begin_move(KEY, to)
                time.sleep(0.2)
                nodes.end_move(KEY, to)

        return weather(folder, nodes.url, move, may_lose=False, workers=2)


def acl(binary: str, folder: Path) -> object:
    """Beat and worker with the rights of their roles."""
    server = Guarded("life")
    server.binary = binary
    with running(server):
        roles = {name: server.url_of(name) for name in ("beat", "worker")}
        return live(folder, server.url, urls=roles)


def tls(binary: str, folder: Path) -> object:
    made = make_certificate(folder)
    with running(Reachable(binary=binary, tls=made.options)) as server:
        return live(folder, f"rediss://127.0.0.1:{server.tcp}/0{made.query}")


def tls_cluster(binary: str, folder: Path) -> object:
    made = make_certificate(folder)
    with running(Cluster(masters=3, binary=binary, tls=made.options)) as nodes:
        return live(folder, nodes.url.replace("redis+", "rediss+") + "/0" + made.query)


def main(arguments: Sequence[str]) -> int:
    """Run the rows; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only", default="", help="rows whose text has this, such as 'cluster' or 'Redis 6.2'"
    )
    told = parser.parse_args(arguments)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="onebeat-servers-") as place:
        for program in programs(Path(place)):
            for row in rows_of(program):
                if told.only in f"{program.name} {row.deployment}":
                    failed += not _run(row)
    return 1 if failed else 0


def _run(row: Row) -> bool:
    """One line; whether it was right, which what cannot be run is not asked for."""
    name = f"{row.program.name:<22}{row.deployment:<31}"
    if row.trial is None:
        print(f"{name}{'CANNOT RUN':<12}{row.why}", flush=True)
        return True
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="onebeat-life-") as folder:
        try:
            told = row.trial(Path(folder))
        except Exception:
            print(f"{name}FAILED\n{traceback.format_exc()}", flush=True)
            return False
    text = ", ".join(told) if isinstance(told, list) else str(told)
    print(f"{name}{f'ok {time.monotonic() - began_s:.0f} s':<12}{text}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
