"""How does a test get a store with the users of a deployment, each with a password?"""

from __future__ import annotations

import secrets
from typing import Any

from onebeat.wire import Store
from tests.security.roles import FILE, ROLES
from tests.servers import Server


class Guarded(Server):
    """A store with `config/acl/onebeat.acl` for `namespace`, and an administrator of its own."""

    def __init__(self, namespace: str) -> None:
        super().__init__()
        self.namespace = namespace
        # As people choose them: with the characters that separate the parts of a URL, quoted there.
        self.passwords = {name: f"{name}.s3s@me/{secrets.token_hex(8)}" for name in (*ROLES, "admin")}
        self.options = ("--aclfile", str(self.home / "users.acl"))
        self.url = self.url_of("admin", user="admin")
        (self.home / "users.acl").write_text(self._users(), encoding="utf-8")

    def url_of(self, role: str, user: str | None = None) -> str:
        """Where `role` finds this store."""
        quoted = self.passwords[role].replace("@", "%40").replace("/", "%2F")
        return f"unix://{user or f'onebeat-{role}'}:{quoted}@{self.socket}"

    def store(self, role: str) -> Store:
        """A store for `role`; the caller closes it."""
        return Store.open(self.url_of(role), self.namespace)

    def refusals(self, client: Any) -> list[str]:
        """What the server refused since it was asked last, as `user: what`."""
        logged = client.acl_log()
        client.acl_log_reset()
        said = [f"{_text(one['username'])}: {_text(one['object'])}" for one in logged]
        # redis-py introduces itself unasked and goes on when it may not
        return [line for line in said if not line.endswith("client|setinfo")]

    def _users(self) -> str:
        lines = ["user admin on ~* &* +@all"]
        lines += FILE.read_text(encoding="utf-8").replace("{onebeat", f"{{{self.namespace}").splitlines()
        for name, password in self.passwords.items():
            user = "admin" if name == "admin" else f"onebeat-{name}"
            lines = [f"{line} >{password}" if line.split()[1] == user else line for line in lines]
        return "\n".join(lines) + "\n"


def _text(word: Any) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)
