"""How do tests get certificates? A self-signed authority for 127.0.0.1, made by the openssl program."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Certificate:
    """For 127.0.0.1 and localhost; it is its own authority."""

    certificate: Path
    key: Path

    @property
    def options(self) -> tuple[str, ...]:
        """Of a server that speaks TLS with clients, replicas and the bus of a Cluster."""
        files = ("--tls-cert-file", str(self.certificate), "--tls-key-file", str(self.key))
        files += ("--tls-ca-cert-file", str(self.certificate), "--tls-auth-clients", "no")
        return ("--port", "0", *files, "--tls-replication", "yes", "--tls-cluster", "yes")

    @property
    def query(self) -> str:
        """What a URL needs to trust it."""
        return f"?ssl_ca_certs={quote(str(self.certificate), safe='')}"


def why_no_certificates() -> str:
    """Empty when they can be made."""
    return "" if shutil.which("openssl") else "the openssl program is not on PATH"


def make_certificate(folder: Path) -> Certificate:
    """A new one in `folder`."""
    made = Certificate(folder / "server.pem", folder / "server.key")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += [
        "-days",
        "2",
        "-subj",
        "/CN=onebeat tests",
        "-addext",
        "subjectAltName=IP:127.0.0.1,DNS:localhost",
    ]
    words += ["-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run(words, check=True, capture_output=True)
    return made
