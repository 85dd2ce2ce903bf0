"""Do the pure rules decide right: restarts, line ends, exit codes, who may open which data?"""

from __future__ import annotations

from pathlib import Path

import pytest

from onebeat.embedded.binary import Binary
from onebeat.embedded.lineage import admit, objection
from onebeat.embedded.lines import LINE_MAX, Lines
from onebeat.embedded.part import End, end_of
from onebeat.embedded.restarts import delay_s
from onebeat.errors import ConfigError, Refused


@pytest.mark.parametrize(
    ("deaths_s", "expected"),
    [
        ([100.0], 0.25),
        ([100.0, 100.3], 0.5),
        ([100.0, 101.0, 102.0, 103.0], 2.0),
        ([100.0, 101.0, 102.0, 103.0, 104.0], None),
        ([100.0, 101.0, 102.0, 103.0, 159.9], None),
        ([100.0, 101.0, 102.0, 103.0, 160.0], 2.0),  # the first is a minute old
        ([100.0, 200.0, 300.0, 400.0, 500.0, 600.0], 0.25),
    ],
)
def test_delays(deaths_s: list[float], expected: float | None) -> None:
    assert delay_s(deaths_s) == expected


@pytest.mark.parametrize(
    ("chunks", "lines", "left"),
    [
        ([b"one\ntwo\n"], ["one", "two"], []),
        ([b"o", b"ne\r", b"\ntw"], ["one"], ["tw"]),
        ([b"\n\n"], ["", ""], []),
        ([b"\xff\xc3", b"\xa9\n"], ["\ufffdé"], []),
        ([b"x" * (LINE_MAX + 1)], ["x" * LINE_MAX], ["x"]),
        ([], [], []),
    ],
)
def test_lines(chunks: list[bytes], lines: list[str], left: list[str]) -> None:
    collected = Lines()
    assert [line for chunk in chunks for line in collected.feed(chunk)] == lines
    assert collected.finish() == left
    assert collected.finish() == []


@pytest.mark.parametrize(
    ("returncode", "end"),
    [
        (0, End("ended with exit code 0")),
        (2, End("ended with exit code 2", hopeless=True)),
        (3, End("ended with exit code 3")),
        (-9, End("was killed by SIGKILL")),
        (-99, End("was killed by signal 99")),
    ],
)
def test_ends(returncode: int, end: End) -> None:
    assert end_of(returncode) == end


@pytest.mark.parametrize(
    ("wrote", "present", "reason"),
    [
        (("valkey", "9.1.2"), ("valkey", "9.1.2"), None),
        (("valkey", "9.1.2"), ("valkey", "9.1.0"), None),
        (("valkey", "9.1.2"), ("valkey", "9.2.0"), None),
        (("redis", "7.0.15"), ("redis", "10.0.0"), None),
        (("valkey", "9.1.2"), ("valkey", "9.0.9"), "older version"),
        (("redis", "7.0.15"), ("redis", "6.2.14"), "older version"),
        (("redis", "7.0.15"), ("valkey", "9.1.2"), "another engine"),
        (("valkey", "8.0.0"), ("redis", "8.0.0"), "another engine"),
    ],
)
def test_who_may_open_the_data(
    wrote: tuple[str, str], present: tuple[str, str], reason: str | None, tmp_path: Path
) -> None:
    record = tmp_path / "engine.json"
    first, second = (Binary(Path("/bin/server"), *one, "test") for one in (wrote, present))
    admit(record, first)
    found = objection(*wrote, second)
    if reason is None:
        assert found is None
        admit(record, second)
    else:
        assert found is not None
        assert reason in found
        before = record.read_text()
        with pytest.raises(Refused, match=reason):
            admit(record, second)
        assert record.read_text() == before


def test_the_newest_server_that_wrote_is_remembered(tmp_path: Path) -> None:
    record = tmp_path / "engine.json"
    for version in ("8.0.0", "9.1.2"):
        admit(record, Binary(Path("/bin/server"), "valkey", version, "test"))
    with pytest.raises(Refused, match=r"9\.1\.2"):
        admit(record, Binary(Path("/bin/server"), "valkey", "8.0.0", "test"))


@pytest.mark.parametrize("text", ["", "[]", "{}", "no json", '{"engine": "redis"}'])
def test_a_damaged_record_is_an_error_not_a_licence(text: str, tmp_path: Path) -> None:
    record = tmp_path / "engine.json"
    record.write_text(text)
    with pytest.raises(ConfigError, match="unreadable"):
        admit(record, Binary(Path("/bin/server"), "redis", "7.0.0", "test"))
