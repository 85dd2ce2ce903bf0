"""Are there never more runs of a key than its task allows, wherever a call comes from, and does each end?"""

from __future__ import annotations

import os
import signal
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest

from onebeat import singleton, task
from onebeat.errors import BadArguments, ConfigError
from onebeat.queue.client import draft
from onebeat.queue.record import LIMITED, ConcurrencyHead, Header, Message
from onebeat.queue.signing import FILE
from onebeat.worker.bounds import Bounds, Slots
from tests.worker.crowded import bounded
from tests.worker.running import Workshop, children_of, until

NAME = "crowded.bounded"
MODULES = ("tests.worker.acts", "tests.worker.crowded")
CALL = Message("a", Header("bounds.task"), b"")


def begun(shop: Workshop) -> list[str]:
    return [line.split()[1] for line in shop.notes() if line.startswith("begin")]


def most_at_once(notes: list[str]) -> int:
    running: set[str] = set()
    most = 0
    for event, word in (line.split() for line in notes):
        running = running | {word} if event == "begin" else running - {word}
        most = max(most, len(running))
    return most


def queue(shop: Workshop, *words: str, tenant: str = "acme") -> None:
    """By name, as a program does that has not got the task's module, and a beat."""
    for word in words:
        shop.client.enqueue(NAME, [tenant, word])


@pytest.mark.parametrize("processes", [1, 2])
def test_two_of_a_tenant_run_and_others_go_past_them(shop: Workshop, processes: int) -> None:
    words = [f"a{number}" for number in range(6)]
    queue(shop, *words)
    queue(shop, "other", tenant="globex")
    shop.enqueue("write", "free")
    shop.worker(imports=MODULES, concurrency=8, processes=processes)
    until(lambda: shop.words() == ["free"], "what has no key goes past them")
    until(lambda: "other" in begun(shop), "another tenant too")
    until(lambda: shop.stats().get("hold", 0) >= 4, "the others wait in the queue")
    assert sorted(begun(shop)) == ["a0", "a1", "other"]
    for word, following in zip(words, words[2:], strict=False):
        shop.tell(word)
        until(lambda following=following: following in begun(shop), f"{following} begins")
    for word in words[-2:]:
        shop.tell(word)
    shop.tell("other")
    until(lambda: shop.stats().get("finish") == 8, "all end")
    assert [word for word in begun(shop) if word not in ("other", *words[:2])] == words[2:], "in their order"
    assert most_at_once([line for line in shop.notes() if "other" not in line]) == 2
    assert shop.client.store.client.exists(shop.keys.slots, shop.keys.parked, shop.keys.duerec) == 0


def test_a_killed_workers_slots_are_free_for_what_it_ran(shop: Workshop) -> None:
    queue(shop, "a", "b", "c")
    first = shop.worker(imports=MODULES, concurrency=4)
    until(lambda: len(begun(shop)) == 2, "two run")
    for pid in (*children_of(first.pid), first.pid):
        os.kill(pid, signal.SIGKILL)
    shop.worker(imports=MODULES, concurrency=4)
    until(lambda: len(begun(shop)) == 4, "the same two begin again")
    assert sorted(begun(shop)[2:]) == ["a", "b"]
    for word in "abc":
        shop.tell(word)
    until(lambda: shop.stats().get("finish") == 3, "all end")


def test_a_message_that_is_given_its_key_is_signed_again(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys"
    path.write_text(urlsafe_b64encode(b"k" * 32).decode())
    monkeypatch.setenv(FILE, str(path))
    signed = type(shop.client)(shop.client.store)
    signed.enqueue(NAME, ["acme", "a"])
    shop.tell("a")
    shop.worker(imports=MODULES, concurrency=1)
    until(lambda: shop.stats().get("finish") == 1, "it ends")
    assert shop.stats().get("bury") is None


# -- what is declared -----------------------------------------------------------------------------------


def nothing(tenant: str, day: int = 0) -> None:
    """What the rules below are about."""


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"key": "{tennant}", "limit": 2}, "there is no parameter 'tennant'; use one of tenant, day"),
        ({"key": "{tenant", "limit": 2}, "is no template"),
        ({"key": "", "limit": 2}, "must be text"),
        ({"key": 7, "limit": 2}, "must be text"),
        ({"key": "{tenant}"}, "limit None must be a whole number from 1 to 10000"),
        ({"limit": 0}, "limit 0 must be"),
        ({"limit": True}, "limit True must be"),
        ({"limit": 2.0}, "limit 2.0 must be"),
        ({"limit": 10_001}, "limit 10001 must be"),
        ({"limt": 2}, "did you mean 'limit'"),
        (2, "must be a mapping"),
    ],
)
def test_what_cannot_be_meant_is_told_at_declaration(said: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        task(name="bounds.wrong", concurrency=said)(nothing)


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        (None, "bounds.task"),
        ("{tenant}", "acme"),
        ("{tenant}:{day}", "acme:0"),
        (lambda tenant, day=0: tenant[:1], "a"),
    ],
)
def test_the_key_of_a_call(rule: Any, key: str) -> None:
    made = Bounds(Slots.read({"key": rule, "limit": 2}), None)
    told = made.put(CALL, "bounds.task", nothing, ("acme",), {})
    assert told.header.concurrency == ConcurrencyHead(key, 2)


@pytest.mark.parametrize("tenant", ["", "x" * 1025])
def test_a_key_that_cannot_be_stored_is_told_to_the_caller(tenant: str) -> None:
    made = Bounds(Slots.read({"key": "{tenant}", "limit": 2}), None)
    with pytest.raises(BadArguments, match="1 to 1024 characters"):
        made.put(CALL, "bounds.task", nothing, (tenant,), {})


def test_a_call_of_the_task_says_it_from_the_beginning() -> None:
    message = draft(NAME, ["acme", "a"]).message
    told = bounded.bounded(message, {"tenant": "acme", "word": "a"})
    assert told.header.concurrency == ConcurrencyHead("tenant:acme", 2)
    assert told.flags & LIMITED
    assert bounded.bounded(told, {"tenant": "globex", "word": "a"}) is told


def test_beside_a_singleton() -> None:
    made = task(name="bounds.single", concurrency={"key": "{tenant}", "limit": 2})(singleton(nothing))
    told = made.bounded(Message("a", Header(made.name), b""), {"tenant": "acme"})
    assert told.header.concurrency == ConcurrencyHead("acme", 2)
