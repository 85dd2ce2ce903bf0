"""With keys: is everything of ours run, nothing of a stranger's, and do keys change under load?"""

from __future__ import annotations

import json
import signal
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from onebeat.queue import Client, KeyRing
from onebeat.queue.record import Header, Message, pack
from onebeat.queue.signing import FILE
from tests.worker.running import Workshop, children_of, until

OLD, NEW = b"o" * 32, b"n" * 32
WRITE = "tests.worker.acts:write"


def told(path: Path, *keys: bytes) -> None:
    path.write_text("\n".join(urlsafe_b64encode(key).decode() for key in keys))


@pytest.fixture
def ring_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys"
    told(path, OLD)
    monkeypatch.setenv(FILE, str(path))
    return path


def test_a_strangers_message_is_buried_and_ours_are_run(ring_file: Path, shop: Workshop) -> None:
    stranger = pack(Message("stranger", Header(WRITE), b"\x92\x91\xa6theirs\x80"))
    ours_elsewhere = pack(Message("replayed", Header(WRITE), b"\x92\x91\xa3old\x80"))
    replayed = KeyRing((OLD,)).seal("ob:{other:default}", ours_elsewhere)
    shop.client.store.client.rpush(shop.keys.ready[0], stranger, replayed)
    shop.enqueue("write", "ours")
    again = shop.enqueue("flaky", "again", 1)  # a retry is packed by the worker, and keeps its seal
    shop.worker()
    until(
        lambda: len(shop.dead()) == 2 and shop.stats().get("finish") == 2, "ours are run, the others buried"
    )
    why = {id_: json.loads(text) for id_, text in shop.dead().items()}
    assert {id_: one["reason"] for id_, one in why.items()} == dict.fromkeys(
        ("stranger", "replayed"), "unsigned"
    )
    assert "it is not signed" in why["stranger"]["error"]
    assert "written for another queue" in why["replayed"]["error"]
    assert again not in shop.dead()
    assert shop.words() == ["ours"]


def test_keys_change_under_load(ring_file: Path, shop: Workshop) -> None:
    """A worker's processes read the keys when they start: HUP starts new ones."""
    worker, words = shop.worker(), list[str]()

    def send(signs: bytes, when: str) -> None:
        some = [f"{when} {number}" for number in range(40)]
        sender = Client(shop.client.store, KeyRing((signs,)))
        sender.enqueue_many([(WRITE, (word,), None) for word in some])
        words.extend(some)

    def turn(*keys: bytes) -> None:
        told(ring_file, *keys)
        old = set(children_of(worker.pid))
        worker.send_signal(signal.SIGHUP)
        until(lambda: old.isdisjoint(children_of(worker.pid)), "others have taken their place")

    send(OLD, "at first")
    until(lambda: len(shop.words()) == len(words), "the first ones ran")
    turn(OLD, NEW)
    send(OLD, "while the new one becomes known")
    until(lambda: len(shop.words()) == len(words), "and go on")
    send(NEW, "signed with the new one")
    turn(NEW)
    until(lambda: len(shop.words()) == len(words), "nothing was refused")
    send(NEW, "at last")
    until(lambda: len(shop.words()) == len(words), "and goes on")
    assert sorted(shop.words()) == sorted(words)
    assert not shop.dead()
