"""What does `onebeat up` do?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from onebeat.embedded.child import ChildSpec
from onebeat.embedded.given_store import GivenStore
from onebeat.embedded.held_file import HeldFile
from onebeat.embedded.home import Home
from onebeat.embedded.signals import Signals
from onebeat.embedded.store_process import StoreProcess
from onebeat.embedded.supervisor import GRACE_S, Supervisor
from onebeat.errors import Refused


def run_up(
    home: Path,
    children: Sequence[ChildSpec],
    *,
    say: Callable[[str], None],
    redis_url: str | None = None,
    grace_s: float = GRACE_S,
) -> int:
    """Run a private store in `home` and `children` on it until INT, TERM or HUP; in the main thread.

    With `redis_url` the children run on that store, which is neither started nor stopped.

    Children find the store in `ONEBEAT_REDIS_URL`, are stopped in the order given, each within
    `grace_s` seconds, the store last. A second INT or TERM kills what still runs. `say` gets every
    line that is for people: status and what the children print, each prefixed with a name.

    Returns:
        The exit code: 0 after a stop that was asked for, 1 when a part could not be kept alive.

    Raises:
        Refused: another `up` runs in this folder, or its data is not this server's.
        ConfigError: no server can be run on this machine, or the folder cannot be used.
        StoreError: the store runs but does not answer.
    """
    paths = Home(home)
    paths.make()
    lock = HeldFile(paths.up_lock)
    if not lock.take():
        raise Refused(
            f"'onebeat up' already runs in {paths.folder} (pid {lock.holder()}): other commands find "
            "its store by themselves; to start anew, stop that one first"
        )
    try:
        with Signals() as signals:
            store = GivenStore(redis_url) if redis_url else StoreProcess(home)
            return Supervisor(store, children, signals=signals, say=say, grace_s=grace_s).run()
    finally:
        lock.give()
