"""Which readers of foreign bytes are there, how may each refuse, and what holds of what it accepts?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from onebeat.config import as_github, as_json, as_text
from onebeat.config.reading import read
from onebeat.durations import MAX_MS, format_ms, parse_ms
from onebeat.errors import BadPayload, InvalidCron, InvalidDuration
from onebeat.queue import payload
from onebeat.queue.enqueue import new_ids
from onebeat.queue.record import SIGNED_FROM, Header, Message, RetryPolicy, SingletonHead, id_of, pack, unpack
from onebeat.queue.signing import KeyRing, Unsigned
from onebeat.scheduler.cron import CronTrigger
from onebeat.wire.scripts import load, parse
from tests.bad_inputs import cron_rows, payload_rows, yaml_rows, yaml_text_rows

RIGHT_YAML = (Path(__file__).resolve().parents[2] / "config" / "onebeat.yaml").read_bytes()
RIGHT_CRON = (
    b"0 2 * * *",
    b"*/5 9-17 * * mon-fri",
    b"0 0 L * *",
    b"H H(0-7) * * *",
    b"@daily",
    b"5 4 1W 2 1#2",
)
PLACE = "ob:{fuzz:default}"
RING = KeyRing((b"k" * 32, b"l" * 32))
SEALED: set[bytes] = set()
NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


class Mistaken(Exception):
    """The file has mistakes, and they were told: the loader itself never raises."""


@dataclass(frozen=True, slots=True)
class Target:
    """`read` takes any bytes; `refusals` are all that it may raise. Inputs grow from `seeds` and `words`."""

    read: Callable[[bytes], None]
    refusals: tuple[type[Exception], ...]
    seeds: Sequence[bytes]
    words: Sequence[bytes]

    def try_one(self, raw: bytes) -> bool:
        """Whether `raw` is accepted; every other exception passes."""
        try:
            self.read(raw)
        except self.refusals:
            return False
        return True


def _yaml(raw: bytes) -> None:
    reading = read(raw, "onebeat.yaml")
    told = [*reading.mistakes, *reading.warnings]
    assert all(one.line >= 1 and one.column >= 1 for one in told)
    as_text(told), as_json(told), as_github(told)
    for _, schedule in reading.schedules:
        schedule.trigger.next(NOON)
    if reading.mistakes:
        raise Mistaken


def _cron(raw: bytes) -> None:
    trigger = CronTrigger(_text(raw), key="fuzz")
    after = trigger.next(NOON)
    assert after is not None, "accepted, and it never fires"
    assert after > NOON
    before = trigger.prev(after)
    assert before is None or before < after


def _duration(raw: bytes) -> None:
    ms = parse_ms(_text(raw))
    assert 0 <= ms <= MAX_MS
    assert parse_ms(format_ms(ms)) == ms


def _record(raw: bytes) -> None:
    assert 0 < len(id_of(raw)) <= 255
    message = unpack(raw)
    assert message.id == id_of(raw), "a worker would hold it under another name than the store"
    assert unpack(pack(message)) == message


def _seal(raw: bytes) -> None:
    RING.check(PLACE, raw)
    assert _counted_off(raw) in SEALED, "believed, and nobody of ours wrote it"


def _payload(raw: bytes) -> None:
    payload.decode(raw)
    once = payload.canonical(raw)
    assert payload.canonical(once) == once


def _script(raw: bytes) -> None:
    script = parse("queue", "fuzz", _text(raw))
    names = [slot.name for slot in (*script.keys, *script.args)]
    assert len(set(names)) == len(names)
    assert script.sha


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _words(text: str) -> list[bytes]:
    return [word.encode() for word in text.split()] + [b" ", b"\n"]


def _records() -> list[bytes]:
    full = Header(
        task="t:f",
        schedule="s",
        nominal_ms=1,
        key="k",
        expires_at_ms=2,
        timeout_ms=3,
        retries=RetryPolicy(3),
        singleton=SingletonHead("k"),
    )
    body = payload.encode([1, "a", None], {"x": [b"y", 1.5]})
    return [
        pack(Message(new_ids(1)[0], Header("t:f"), body)),
        pack(Message("s@1", full, body, 3, 4, 5, 1, 1 << 40)),
    ]


def _sealed() -> list[bytes]:
    believed = [RING.seal(PLACE, record) for record in _records()]
    SEALED.update(map(_counted_off, believed))
    return believed


def _counted_off(record: bytes) -> bytes:
    """Without version and counts: where the store and workers count, other numbers are as good."""
    return record[SIGNED_FROM:]


def _bytes(rows: Sequence[str | bytes]) -> list[bytes]:
    return [row.encode("utf-8", "surrogatepass") if isinstance(row, str) else row for row in rows]


def _scripts() -> list[bytes]:
    names = (("queue", "cycle"), ("queue", "emit"), ("locks", "acquire"), ("locks", "renew"))
    return [load(*name).text.replace(f"-- {name[1]}:", "-- fuzz:", 1).encode() for name in names]


def _small(rows: list[bytes]) -> list[bytes]:
    return [row.replace("¦".encode(), b"") for row in rows if len(row) <= 5_000]


def _refused_cron() -> list[bytes]:
    return _small(_bytes([row[0] for row in cron_rows.ROWS]))


def _unreadable_payloads() -> list[bytes]:
    return [row[1] for row in payload_rows.UNREADABLE if len(row[1]) < 1_000]


def _odd_msgpack() -> list[bytes]:
    """NaN, a timestamp, an extension, and lengths that are not there."""
    nan, stamp = b"\xcb\x7f\xf8" + b"\0" * 6, b"\xd7\xff" + b"\0" * 8
    return [nan, stamp, b"\xc7\x01\x01", b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff"]


TARGETS: dict[str, Target] = {
    "yaml": Target(
        _yaml,
        (Mistaken,),
        [RIGHT_YAML] * 50 + _small(_bytes([row[0] for row in (*yaml_rows.ROWS, *yaml_text_rows.ROWS)])),
        _words(
            "schedules: { } [ ] a: task: t:f , - cron: every: at: \" ' * 5 5m &a *a <<: | > # ${A} {{ x }} "
            "~ !!python/object:x %YAML defaults: retries: {max: 1} null .nan 1e400 --- ... 2026-12-31T23:00 "
            "timezone: Europe/Berlin redis: redis://:p@h imports: kwargs: singleton: {key: '{a}'} \u202e \\"
        ),
    ),
    "cron": Target(
        _cron,
        (InvalidCron,),
        [*RIGHT_CRON * 20, *_refused_cron()],
        _words(
            "* */ , - / ? L W # H H( ) R @daily @hourly 0 1 5 7 15 29 30 31 59 60 99 mon fri sun jan feb "
            "L-3 5L 1W"
        ),
    ),
    "duration": Target(
        _duration,
        (InvalidDuration,),
        [b"90s", b"1h30m", b"1.5h", b"250ms", b"2d", b"0s", b"100w", b"0.000001ms", b"999999999999999w"],
        _words("0 1 9 999999999999999 . .5 ms s m h d w - + e 1e5 \u0663 \uff11"),
    ),
    "record": Target(
        _record, (BadPayload,), _records(), [b"\x00", b"\x01", b"\xff", b"\x81", b"\xa1t", b"\x90", b"a@1"]
    ),
    "seal": Target(_seal, (Unsigned,), _sealed(), [b"\x00", b"\x04", b"\xff", b"k" * 32, b"a@1"]),
    "payload": Target(
        _payload,
        (BadPayload,),
        [payload.encode([1, "a"], {"x": {"y": [None, True, b"z", -1.5]}}), *_unreadable_payloads()],
        [b"\x92\x90\x80", b"\x90", b"\x80", b"\x91", b"\x81", b"\xa1a", b"\xc0", b"\xc1", *_odd_msgpack()],
    ),
    "script": Target(
        _script,
        (ValueError,),
        _scripts(),
        _words(
            "-- fuzz: KEYS ARGV MOVES RETURNS none STRING LIST text int [4] [0] [a,b] ... own ready x 999999"
        ),
    ),
}
