"""Which files make a configuration, and do they still say the same?"""

from __future__ import annotations

from pathlib import Path

import pytest

from onebeat.config import Code, load, load_or_raise


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_files_are_included_relative_to_the_one_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = write(
        tmp_path,
        "main.yaml",
        "timezone: Asia/Seoul\nimports: [m]\ninclude: [conf.d/*.yaml, conf.d/deep/../a.yaml]\n"
        "defaults: {queue: slow, retries: {max: 3}}\nprofiles: {p: {timeout: 5m}}\nschedules: {}\n",
    )
    write(
        tmp_path, "conf.d/a.yaml", "imports: [a]\nschedules: {a: {task: t:f, cron: 0 2 * * *, extends: p}}\n"
    )
    write(
        tmp_path,
        "conf.d/b.yaml",
        "timezone: UTC\ninclude: ['deep/**/*.yml', ../main.yaml]\n"
        "defaults: {retries: {delay: 1s}}\nschedules: {b: {task: t:f, cron: 0 2 * * *}}\n",
    )
    write(tmp_path, "conf.d/deep/er/c.yml", "schedules: {c: {task: t:f, cron: 0 2 * * *}}\n")
    write(tmp_path, "conf.d/.hidden.yaml", "%\n")
    monkeypatch.chdir("/")
    loaded = load_or_raise([main])
    found = {one.id: one for one in loaded.schedules}
    assert list(found) == ["a", "b", "c"]
    assert [one.timezone for one in found.values()] == ["Asia/Seoul", "UTC", "UTC"]
    assert {one.queue for one in found.values()} == {"slow"}
    assert found["a"].timeout_ms == 300_000
    assert found["c"].retries is not None
    assert (found["c"].retries.max, found["c"].retries.delay_ms) == (3, 1000)
    assert loaded.imports == ("m", "a")
    assert loaded.settings.timezone == "Asia/Seoul"


def test_the_same_id_names_both_places(tmp_path: Path) -> None:
    main = write(tmp_path, "main.yaml", "include: [a.yaml]\nschedules:\n  a: {task: t:f, every: 5m}\n")
    other = write(tmp_path, "a.yaml", "schedules:\n\n  a: {task: t:f, every: 5m}\n")
    (wrong,) = load([main]).mistakes
    assert (wrong.code, wrong.file, wrong.line, wrong.column) == (Code.DUPLICATE_ID, str(other), 3, 3)
    assert wrong.message == f"the schedule a is already declared at {main}:3"


def test_a_mistake_in_an_inherited_section_is_told_where_it_stands(tmp_path: Path) -> None:
    text = "include: [a.yaml]\ndefaults: {timeout: 5}\nprofiles:\n  p: {retries: {max: -1}}\n"
    main = write(tmp_path, "main.yaml", text)
    write(
        tmp_path,
        "a.yaml",
        "schedules:\n  a: {task: t:f, every: 5m, extends: p}\n  b: {task: t:f, every: 5m}\n",
    )
    found = load([main]).mistakes
    assert [(one.file, one.line, one.column) for one in found] == [(str(main), 2, 21), (str(main), 4, 22)]


def test_a_pattern_without_files_is_a_warning(tmp_path: Path) -> None:
    main = write(tmp_path, "main.yaml", "include: [conf.d/*.yaml]\nschedules: {}\n")
    loaded = load_or_raise([main])
    assert [(one.code, one.line, one.column) for one in loaded.warnings] == [(Code.NO_FILES, 1, 11)]


def test_a_configuration_has_so_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onebeat.config.files.FILES_MAX", 3)
    main = write(tmp_path, "main.yaml", "include: [d/*.yaml]\n")
    for number in range(3):
        write(tmp_path, f"d/{number}.yaml", "schedules: {}\n")
    (wrong,) = load([main]).mistakes
    assert (wrong.code, wrong.message) == (Code.INCLUDE, "the configuration has more than 3 files")


def test_sources_tell_whether_the_files_are_the_same(tmp_path: Path) -> None:
    main = write(tmp_path, "main.yaml", "include: [d/*.yaml]\n")
    write(tmp_path, "v1/a.yaml", "schedules: {}\n")
    write(tmp_path, "v2/a.yaml", "schedules: {}\n")
    write(tmp_path, "v3/a.yaml", "schedules: {b: {task: t:f, every: 5m}}\n")
    (tmp_path / "d").symlink_to("v1")
    sources = load_or_raise([main]).sources
    assert sources.look() == sources
    main.write_bytes(main.read_bytes())
    swap(tmp_path / "d", "v2")
    assert sources.look() == sources, "the same content"
    swap(tmp_path / "d", "v3")
    assert sources.look() != sources
    swap(tmp_path / "d", "v1")
    assert sources.look() == sources
    extra = write(tmp_path, "v1/b.yaml", "schedules: {}\n")
    assert sources.look() != sources
    extra.unlink()
    main.unlink()
    assert sources.look() != sources


def swap(link: Path, target: str) -> None:
    """Point a symbolic link elsewhere in one step, as Kubernetes does."""
    other = link.with_name("..tmp")
    other.symlink_to(target)
    other.replace(link)
