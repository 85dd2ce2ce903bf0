"""How does a server look that reads a large file first? fake_server.py SETTINGS; run by tests.

It answers PING with LOADING nine times. INFO it answers all the while, as real servers do.
"""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

FACTS = (b"server_name:valkey", b"valkey_version:9.1.2", b"process_id:1", b"uptime_in_seconds:0", b"")
LOADING_TIMES = 9


def serve(settings: str) -> None:
    """Until killed; the file `loaded` in the data folder tells that the reading is over."""
    path, data = (re.search(f'^{name} "(.*)"$', settings, re.MULTILINE)[1] for name in ("unixsocket", "dir"))
    info = b"\r\n".join(FACTS)
    pings = 0
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            with listener.accept()[0] as link:
                if link.recv(100).startswith(b"INFO"):
                    link.sendall(b"$%d\r\n%s\r\n" % (len(info), info))
                    continue
                pings += 1
                if pings > LOADING_TIMES:
                    Path(data, "loaded").touch()
                link.sendall(b"+PONG\r\n" if pings > LOADING_TIMES else b"-LOADING reading\r\n")


serve(Path(sys.argv[1]).read_text())
