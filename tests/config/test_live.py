"""Which version of edited files is in force? Every step of an edit, without a beat."""

from __future__ import annotations

from pathlib import Path

import pytest

from onebeat.config import Live, load_or_raise
from tests.clocks import ToldClock

ONE = '  {0}: {{task: "t:f", every: 5m}}\n'


def file_of(*ids: str) -> str:
    return "schedules:\n" + "".join(ONE.format(id_) for id_ in ids)


class Edited:
    """A file that is edited, and what is in force."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, ToldClock()
        self.approved: set[str] = set()
        path.write_text(file_of("a", "b", "c", "d"))
        loaded = load_or_raise([path])
        self.live = Live([path], loaded, {}, approved=self.approved.__contains__, clock=self.clock)

    def after(self, text: str | None) -> tuple[bool, list[str], bool]:
        """Whether there is news, the ids in force, and whether the file is refused."""
        if text is None:
            self.path.unlink()
        else:
            self.path.write_text(text)
        changed = self.live.look()
        return changed, [one.id for one in self.live.loaded.schedules], bool(self.live.refused)


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    return Edited(tmp_path / "a.yaml")


ALL = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (file_of(*ALL), (False, ALL, False)),
        ("# a comment\n" + file_of(*ALL), (False, ALL, False)),
        (file_of("a", "b"), (True, ["a", "b"], False)),
        (file_of("a"), (False, ALL, True)),
        (file_of("e", "f", "g", "h", "a"), (False, ALL, True)),
        (file_of("a", "b", "e"), (True, ["a", "b", "e"], False)),
        ("schedules: {}\n", (False, ALL, True)),
        ("", (False, ALL, True)),
        ("%", (False, ALL, True)),
        (file_of(*ALL).replace("5m", "5"), (False, ALL, True)),
        (None, (False, ALL, True)),
    ],
)
def test_one_edit(edited: Edited, text: str | None, expected: object) -> None:
    assert edited.after(text) == expected


def test_renamed_schedules_are_not_gone(edited: Edited) -> None:
    text = file_of("e", "f", "g", "d")
    for new, old in zip("efg", "abc", strict=True):
        text = text.replace(f'  {new}: {{task: "t:f"', f'  {new}: {{formerly: {old}, task: "t:f"')
    assert edited.after(text) == (True, ["e", "f", "g", "d"], False)


def test_a_mended_file_is_taken_and_the_refusal_is_over(edited: Edited) -> None:
    assert edited.after("%")[2]
    assert edited.after(file_of("a", "b", "c")) == (True, ["a", "b", "c"], False)


def test_a_bad_file_is_told_once(edited: Edited, caplog: pytest.LogCaptureFixture) -> None:
    edited.after("version: 2\n")
    edited.live.look()
    (told,) = caplog.messages
    assert "1 mistake, the first at" in told
    assert ":1:10: version 2 is not known [OB153]" in told


def test_what_is_approved_is_taken_later(edited: Edited) -> None:
    edited.after(file_of("a"))
    assert not edited.live.look()
    edited.approved.add(load_or_raise([edited.path]).fingerprint)
    assert edited.live.look()
    assert [one.id for one in edited.live.loaded.schedules] == ["a"]
    assert not edited.live.refused


def test_a_secret_of_the_environment_is_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("schedules: {}\n")
    live = Live([path], load_or_raise([path]), {"V": "hunter2"}, approved=lambda _: True)
    path.write_text("timezone: ${V}\nschedules: {}\n")
    live.look()
    assert "OB112" in live.refused
    assert "hunter2" not in live.refused + caplog.text


def test_a_hurry_reads_the_same_file_again(edited: Edited, caplog: pytest.LogCaptureFixture) -> None:
    edited.after("%")
    edited.live.hurry()
    edited.live.look()
    assert len(caplog.messages) == 2


def test_looking_takes_a_small_part_of_the_time(edited: Edited, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    real = edited.live._changed
    monkeypatch.setattr(
        edited.live, "_changed", lambda: (looked.append(1), edited.clock.advance(0.1), real())[2]
    )
    for _ in range(10):
        edited.live.look()
    assert len(looked) == 1
    edited.clock.advance(5.1)
    edited.live.look()
    assert len(looked) == 2
