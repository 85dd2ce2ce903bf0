"""Does everybody go on by himself when the store dies twenty times, or is silent for half a minute?"""

from __future__ import annotations

import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from onebeat.testing import FaultProxy
from tests.conformance.storm import Load, Weathered, weather
from tests.deployments import Reachable, free_port, running, until

TIMES = 20
SILENT_S = 30.0


def restarts(binary: str, folder: Path) -> Weathered:
    """Killed and started again twenty times under load; `always`, so that nothing may be lost."""
    with running(Reachable("--appendfsync", "always", binary=binary)) as server:

        def die(load: Load) -> None:
            for _ in range(TIMES):
                server.kill()
                time.sleep(0.2)  # away for a moment: everyone meets a closed door
                server.start()
                load.until_flowing(20)

        return weather(folder, f"redis://127.0.0.1:{server.tcp}/0", die, may_lose=False)


def black_hole(binary: str, folder: Path) -> Weathered:
    """No answer for half a minute: beat and worker say that they are not ready, and then that they are."""
    ports = (free_port(), free_port())
    with (
        running(Reachable(binary=binary)) as server,
        FaultProxy(f"redis://127.0.0.1:{server.tcp}/0") as proxy,
    ):

        def be_silent(_load: Load) -> None:
            until(lambda: all(map(ready, ports)), "beat and worker are ready")
            proxy.black_hole()
            end_s = time.monotonic() + SILENT_S
            until(lambda: not any(map(ready, ports)), "they say that they are not")
            time.sleep(max(0.0, end_s - time.monotonic()))
            assert not any(map(ready, ports)), "ready without a store"
            proxy.heal()
            proxy.end()
            until(lambda: all(map(ready, ports)), "they are ready again")

        return weather(folder, proxy.url, be_silent, may_lose=False, health=ports)


def ready(port: int) -> bool:
    """What `/readyz` says; a process that does not answer is not."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return answer.status == 200
    except HTTPError as refused:
        if refused.code != 503:
            raise
        return False
    except URLError:
        return False
