"""A site for faults: the tasks of the chaos, on the shared store, with failpoints armed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from onebeat import failpoints
from tests.chaos.tasks import METADATA
from tests.end_to_end.site import Site
from tests.servers import Server

CONFIG = "imports: [tests.chaos.tasks]\n"
MakeSite = Callable[..., Site]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where armed processes tell what they reached."""
    folder = tmp_path / "points"
    folder.mkdir()
    return folder


@pytest.fixture
def make_site(
    server: Server, namespace: str, tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeSite]:
    """Makes a site whose processes have these failpoints armed; each acts once among all of them."""
    with ExitStack() as stack:

        def make(*traps: str, config: str = CONFIG) -> Site:
            monkeypatch.setenv(failpoints.ARMED, ",".join(traps))
            monkeypatch.setenv(failpoints.NOTES, str(notes))
            site = Site(tmp_path, server.url, namespace, config)
            stack.callback(site.close)
            METADATA.create_all(site.engine)
            return site

        yield make
