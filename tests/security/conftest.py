"""A store that lets nobody in without a password, with the users of `config/acl/onebeat.acl`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.security.guarded import Guarded


@pytest.fixture(scope="package")
def guarded() -> Iterator[Guarded]:
    """One for this folder; nobody kills or stops it."""
    server = Guarded(f"t{secrets.token_hex(4)}")
    try:
        server.start()
        yield server
    finally:
        server.remove()
