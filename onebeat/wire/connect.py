"""How do we open a connection to one server?

redis-py 8 retries a call ten times unasked and waits five seconds at most for any answer; the first
doubles every bare write whose reply is lost, the second breaks blocking reads. Both are set here, and
nowhere else is a client made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import redis
    import redis.asyncio

DEADLINE_S = 2.0  # one call, sent to answered


def _options(url: str, deadline_s: float) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_timeout": deadline_s,
        "socket_connect_timeout": deadline_s,
        "health_check_interval": 0,
        "decode_responses": False,
        "protocol": 2,
    }
    if not url.startswith("unix://"):
        options["socket_keepalive"] = True
    if url.startswith("rediss://") and "ssl_cert_reqs=none" not in url:
        # redis-py before 6 believes a certificate of any name; what the URL says comes first
        options["ssl_check_hostname"] = True
    return options


def _set_modern(options: dict[str, Any]) -> None:
    import redis

    if int(redis.__version__.split(".", 1)[0]) >= 8:
        options["legacy_responses"] = False


def open_redis(url: str, deadline_s: float = DEADLINE_S) -> redis.Redis:
    """A blocking client whose calls never retry by themselves and end within `deadline_s`."""
    options = _options(url, deadline_s)
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    _set_modern(options)
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)


def open_async_redis(url: str, deadline_s: float = DEADLINE_S) -> redis.asyncio.Redis:
    """An asyncio client that never retries by itself; its calls have no deadline, so the caller sets one.

    redis-py's own deadline wraps each write in `asyncio.wait_for`, which loses a cancellation that
    comes at that moment (Python 3.11, CPython issue 86296); `deadline_s` limits only connecting.
    """
    options = _options(url, deadline_s) | {"socket_timeout": None}
    import redis.asyncio
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    _set_modern(options)
    return redis.asyncio.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)
