"""Which servers does a store's URL name, and how is the right one among them found? Pure.

A store is named by a URL of one of these forms:

    redis://[user:password@]host[:6379][/db][?option=…]             one server
    rediss://…                                                      the same, over TLS
    unix:///path/to/socket                                          one server on this machine
    redis+sentinel://[user:password@]host[:26379][,…]/service[/db]  the master that these Sentinels name
    redis+cluster://[user:password@]host[:6379][,…]                 a Cluster; some of its nodes

`rediss+sentinel` and `rediss+cluster` are the same over TLS (the spelling of the packages limits and
redis-sentinel-url). User and password are those of the servers that have the data; Sentinels that want
some get them with the options `sentinel_username` and `sentinel_password`. The other options are those of
redis-py's URLs, such as `ssl_ca_certs=/path/to/ca.pem`, and hold for every server, Sentinels too. In a
user name, a password or an option the characters `@ : / ? # %` are written `%40 %3A %2F %3F %23 %25`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from onebeat.errors import ConfigError

_SECRET = re.compile(r"([?&](?:ssl_|sentinel_)?password=)[^&#]*", re.IGNORECASE)
_SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")
HINT = (
    "write redis://host:6379/0, rediss://host:6379/0 (TLS), unix:///path/to/socket, "
    "redis+sentinel://host:26379,host:26379/service or redis+cluster://host:6379,host:6379"
)


class Kind(StrEnum):
    """How the server for a call is found."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


class Node(NamedTuple):
    """One server's address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL says. `named`: the Sentinels, or some nodes of the Cluster; empty for a single server."""

    kind: Kind
    url: str = field(repr=False)
    named: tuple[Node, ...] = ()
    service: str = ""
    _front: str = field(default="", repr=False)  # scheme and credentials of a server that has the data
    _back: str = field(default="", repr=False)  # database and options
    _asked: tuple[str, str] = field(default=("", ""), repr=False)  # the same for a Sentinel

    def url_of(self, node: Node) -> str:
        """The URL of one server that has data."""
        return f"{self._front}{node}{self._back}"

    def sentinel_url_of(self, node: Node) -> str:
        """The URL of one Sentinel; it has credentials of its own."""
        return f"{self._asked[0]}{node}{self._asked[1]}"


def parse(url: str) -> Place:
    """What `url` says.

    Raises:
        ConfigError: it is not the URL of a store; the message says what one looks like.
    """
    scheme, mark, _ = url.partition("://")
    if not mark:
        raise _wrong(url, "")
    if scheme in ("redis", "rediss", "unix"):
        return Place(Kind.SINGLE, url)
    plain, plus, kind = scheme.partition("+")
    if not plus or plain not in ("redis", "rediss") or kind not in (Kind.SENTINEL, Kind.CLUSTER):
        raise _wrong(url, "")
    return _several(url, plain, Kind(kind))


def _several(url: str, scheme: str, kind: Kind) -> Place:
    try:
        parts = urlsplit(url)
    except ValueError as problem:  # of IPv6 addresses
        raise _wrong(url, f" ({problem})") from None
    credentials, at, hosts = parts.netloc.rpartition("@")
    named = tuple(_node(url, one, 26379 if kind is Kind.SENTINEL else 6379) for one in hosts.split(","))
    options = parse_qsl(parts.query, keep_blank_values=True)
    own = dict(one for one in options if one[0] in _SENTINEL_OPTIONS)
    query = urlencode([one for one in options if one[0] not in own])
    service, slash, database = parts.path.strip("/").partition("/")
    if kind is Kind.CLUSTER:
        if service not in ("", "0"):
            raise _wrong(url, " (a Cluster has database 0 only)")
        service, database = "", "0"
    elif not service or (slash and not database.isdecimal()):
        raise _wrong(
            url, " (behind the Sentinels' addresses stands the service's name: /mymaster or /mymaster/0)"
        )
    back = f"?{query}" if query else ""
    known = f"{quote(own.get('sentinel_username', ''))}:{quote(own.get('sentinel_password', ''), safe='')}@"
    return Place(
        kind,
        url,
        named,
        unquote(service),
        f"{scheme}://{credentials}{at}",
        f"/{database or 0}{back}",
        (f"{scheme}://{known if own else ''}", f"/0{back}"),
    )


def _node(url: str, text: str, port: int) -> Node:
    found = re.fullmatch(r"(\[[0-9a-fA-F:.%]+\]|[^:\[\]/?#\s]+)(?::([0-9]{1,5}))?", text)
    if found is None or not 0 < int(found[2] or port) < 65536:
        raise _wrong(url, f" ({text!r} is not host or host:port)")
    return Node(found[1].strip("[]"), int(found[2] or port))


def _wrong(url: str, why: str) -> ConfigError:
    return ConfigError(f"{without_secret(url)!r} is not a store URL{why}: {HINT}")


def without_secret(url: str) -> str:
    """`url` as it may be shown and logged: the password is replaced by `***`."""
    scheme, mark, rest = _SECRET.sub(r"\1***", url).partition("://")
    if not mark:  # mistyped, such as redis//:password@host: it is shown because it is wrong
        scheme, rest = "", scheme
    if "@" not in rest:
        return scheme + mark + rest
    credentials, _, place = rest.rpartition("@")
    user = credentials.partition(":")[0]
    return f"{scheme}{mark}{user}:***@{place}"
