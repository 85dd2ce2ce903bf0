"""Who calls, all the while? A thread that remembers what it was told is queued."""

from __future__ import annotations

import threading

from onebeat.errors import StoreError
from onebeat.queue import Client
from onebeat.queue.client import draft
from onebeat.queue.record import RECORDED

EVERY_S = 0.03


class Load(threading.Thread):
    """`acknowledged` ids must reach an end; of `unknown` calls nobody can say whether they were queued."""

    def __init__(
        self, url: str, namespace: str, task: str = "tests.chaos.tasks:called", every_s: float = EVERY_S
    ) -> None:
        super().__init__(name="load", daemon=True)
        self._client = Client.from_url(url, namespace)
        self._over, self._task, self._every_s = threading.Event(), task, every_s
        self.acknowledged: list[str] = []
        self.unknown = 0

    def run(self) -> None:
        number = 0
        while not self._over.wait(self._every_s):
            number += 1
            try:
                call = draft(self._task, [number], flags=RECORDED)
                self.acknowledged += [one.id for one in self._client.send_drafts("default", [call])]
            except StoreError:
                self.unknown += 1
        self._client.close()

    def stop(self) -> None:
        """End it; what is in flight is answered first."""
        self._over.set()
        self.join(90)
