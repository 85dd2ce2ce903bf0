"""Which URLs name a store, and what do they say?"""

from __future__ import annotations

import pytest

from onebeat.errors import ConfigError
from onebeat.wire import AsyncStore, Store
from onebeat.wire.urls import Kind, Node, parse, without_secret


@pytest.mark.parametrize("url", ["redis://h", "rediss://u:p@h:1/2?ssl_ca_certs=/ca", "unix:///run/s?db=1"])
def test_one_server(url: str) -> None:
    assert (parse(url).kind, parse(url).url, parse(url).named) == (Kind.SINGLE, url, ())


@pytest.mark.parametrize(
    ("url", "named", "service", "data", "sentinel"),
    [
        ("redis+sentinel://a/m", [("a", 26379)], "m", "redis://x:1/0", "redis://x:1/0"),
        ("redis+sentinel://a:1,b:2/m/3", [("a", 1), ("b", 2)], "m", "redis://x:1/3", "redis://x:1/0"),
        (
            "rediss+sentinel://u:p%40@a:1,[::1]:2/my%20m?ssl_ca_certs=/ca&sentinel_password=s/",
            [("a", 1), ("::1", 2)],
            "my m",
            "rediss://u:p%40@x:1/0?ssl_ca_certs=%2Fca",
            "rediss://:s%2F@x:1/0?ssl_ca_certs=%2Fca",
        ),
    ],
)
def test_a_service_of_sentinels(
    url: str, named: list[tuple[str, int]], service: str, data: str, sentinel: str
) -> None:
    place = parse(url)
    assert (place.kind, [*place.named], place.service) == (Kind.SENTINEL, named, service)
    assert place.url_of(Node("x", 1)) == data
    assert place.sentinel_url_of(Node("x", 1)) == sentinel


@pytest.mark.parametrize(
    ("url", "named", "data"),
    [
        ("redis+cluster://a,b:7", [("a", 6379), ("b", 7)], "redis://x:1/0"),
        ("redis+cluster://a/0", [("a", 6379)], "redis://x:1/0"),
        ("rediss+cluster://u:p@[fe80::1]:9/?max=1", [("fe80::1", 9)], "rediss://u:p@x:1/0?max=1"),
    ],
)
def test_nodes_of_a_cluster(url: str, named: list[tuple[str, int]], data: str) -> None:
    place = parse(url)
    assert (place.kind, [*place.named]) == (Kind.CLUSTER, named)
    assert place.url_of(Node("x", 1)) == data


@pytest.mark.parametrize("opened", [Store.open, AsyncStore.open])
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("localhost", "is not a store URL: write redis://"),
        ("http://h", "is not a store URL: write redis://"),
        ("redis+http://h", "is not a store URL: write redis://"),
        ("unix+cluster://h", "is not a store URL: write redis://"),
        ("redis+sentinel://a", "the service's name"),
        ("redis+sentinel://a/m/x", "the service's name"),
        ("redis+sentinel:///m", "'' is not host or host:port"),
        ("redis+sentinel://a,,b/m", "'' is not host or host:port"),
        ("redis+sentinel://a:0/m", "'a:0' is not host or host:port"),
        ("redis+sentinel://a:99999/m", "'a:99999' is not host or host:port"),
        ("redis+cluster://a:x", "'a:x' is not host or host:port"),
        ("redis+cluster://[::1", "is not a store URL"),
        ("redis+cluster://a/1", "database 0 only"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_right(opened, url: str, why: str) -> None:
    with pytest.raises(ConfigError) as raised:
        opened(url)
    assert why in str(raised.value)
    assert "redis+sentinel://host:26379" in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://u:hush@a:1,b:2/m",
        "redis+sentinel://a:1,b:2/m?sentinel_password=hush",
        "rediss+cluster://:hush@a,b",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    assert "hush" not in without_secret(url)
    assert "hush" not in repr(parse(url))
    with Store.open(url) as store:
        assert "hush" not in repr(store)


def test_nor_is_that_of_a_wrong_url() -> None:
    with pytest.raises(ConfigError) as raised:
        parse("redis+cluster://u:hush@a/7")
    assert "hush" not in str(raised.value)
