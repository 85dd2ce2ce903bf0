"""Does the health endpoint say what is so, and only to whom it may?"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from onebeat.errors import ConfigError
from onebeat.vitals import LIVE_S, READY_S, Vitals, VitalsServer, parse_address
from tests.clocks import ToldClock


@pytest.fixture
def clock() -> ToldClock:
    return ToldClock()


@pytest.fixture
def vitals(clock: ToldClock) -> Vitals:
    return Vitals(clock)


@pytest.fixture
def served(vitals: Vitals) -> Iterator[VitalsServer]:
    server = VitalsServer(vitals, "127.0.0.1", 0)
    yield server
    server.close()


def ask(server: VitalsServer, path: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def answers(vitals: Vitals) -> list[bool]:
    found = [vitals.report(path) for path in ("/livez", "/readyz", "/leader")]
    return [report is not None and report[0] for report in found]


def test_a_process_is_ready_once_a_pass_was_good(vitals: Vitals, clock: ToldClock) -> None:
    assert answers(vitals) == [True, False, False]
    vitals.turned(good=False)
    assert answers(vitals) == [True, False, False]
    vitals.turned(good=True)
    vitals.leads = True
    assert answers(vitals) == [True, True, True]


def test_what_was_good_grows_old(vitals: Vitals, clock: ToldClock) -> None:
    vitals.turned(good=True)
    vitals.leads = True
    clock.advance(READY_S + 1)
    vitals.turned(good=False)
    assert answers(vitals) == [True, False, False], "the store is away: a restart would not mend it"
    clock.advance(LIVE_S + 1)
    assert answers(vitals) == [False, False, False], "it hangs"


def test_it_is_told_over_http(served: VitalsServer, vitals: Vitals) -> None:
    assert ask(served, "/readyz") == (503, {"ok": False, "last_good_pass_s": None, "leads": False})
    vitals.turned(good=True)
    vitals.note = "the last good configuration goes on"
    status, facts = ask(served, "/readyz?verbose")
    assert (status, facts["ok"], facts["note"]) == (200, True, "the last good configuration goes on")
    assert ask(served, "/livez")[0] == 200
    assert ask(served, "/leader")[0] == 503
    assert ask(served, "/")[0] == 404
    assert ask(served, "/../etc/passwd")[0] == 404


def test_a_port_that_is_taken_is_told(served: VitalsServer, vitals: Vitals) -> None:
    with pytest.raises(ConfigError, match=f"port {served.port}"):
        VitalsServer(vitals, "127.0.0.1", served.port)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8900", ("127.0.0.1", 8900)),
        (":8900", ("127.0.0.1", 8900)),
        ("0.0.0.0:8900", ("0.0.0.0", 8900)),
        ("[::1]:0", ("::1", 0)),
    ],
)
def test_an_address_is_this_machine_unless_it_says_more(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "http", "0.0.0.0", "8900x", "-1", "65536", "١٢", "host:"])
def test_an_address_that_is_none(text: str) -> None:
    with pytest.raises(ConfigError, match="write a port such as 8900"):
        parse_address(text)
