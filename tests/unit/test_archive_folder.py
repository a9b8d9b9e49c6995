"""Whatever stops a build, the public sees a whole archive: the old one or the new one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bot.archive import Site, build
from bot.archive.media import name_of
from bot.domain.denunciation import File
from bot.domain.publication import Publication, Version, Withdrawal
from tests.support.archived import (
    MARCH,
    NOW,
    PHOTO,
    RIVER,
    TOWN,
    URGENT,
    URL,
    built,
    content,
    everything,
    publication,
    sign,
)

SMALL = Site("Red", URL, ("es",))
WORDS = Version("es", "El río", "Una frase que se publicó y se retiró.")
BEFORE = publication(1, WORDS, files=(RIVER,))
AFTER = replace(BEFORE, withdrawal=Withdrawal(NOW, "Ana lo pidió."))
NEW = publication(2, files=(MARCH,))
CALLS = (
    "mkdir", "open", "fchmod", "chmod", "fsync", "link", "rename", "replace", "symlink", "unlink",
    "rmdir",
)  # fmt: skip
"""Of the operating system: before each of them the machine may stop."""


def put(folder: Path, *those: Publication, **more: Any) -> Any:
    """A small archive of these."""
    return build(SMALL, those, **{"content": content, "sign": sign, "folder": folder, "now": NOW, **more})


def whole(folder: Path) -> str:
    """The public sees a build in which everything is as its list says. Its name."""
    pages = everything(folder)
    files = json.loads(pages["archive.json"])["files"]
    assert set(files) == set(pages) - {"archive.json", "archive.json.minisig"}
    for name, each in files.items():
        assert hashlib.sha256(pages[name]).hexdigest() == each["sha256"], name
    return os.readlink(folder / "public").removeprefix("builds/")


def stopped(before: int, act: Callable[[], object], how: Callable[[], object]) -> bool:
    """Do this in a process that is stopped before that many of its calls; False if it has fewer."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    try:
        numbers = count()
        for name in CALLS:
            _guard(name, getattr(os, name), numbers, before, how)
        act()
        os._exit(next(numbers) > before)
    except BaseException:
        os._exit(1)


def _guard(
    name: str, real: Callable[..., Any], numbers: Iterator[int], before: int, how: Callable[[], object]
) -> None:
    def guarded(*args: Any, **named: Any) -> Any:
        if next(numbers) == before:
            how()
        return real(*args, **named)

    setattr(os, name, guarded)


def _full() -> None:
    raise OSError(28, "No space left on device")


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder in memory where there is one: these tests make hundreds of builds."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.mark.parametrize("how", [lambda: os._exit(9), _full], ids=["killed", "full disk"])
def test_a_machine_that_stops_at_any_point_shows_a_whole_archive(
    quick: Path, how: Callable[[], object]
) -> None:
    """And the next build makes what this one was to make, and leaves nothing of what was withdrawn."""
    put(quick / "begin", BEFORE)
    old = whole(quick / "begin")
    put(quick / "end", AFTER, NEW)
    new = whole(quick / "end")
    seen = []
    for step in count():
        folder = quick / str(step)
        shutil.copytree(quick / "begin", folder, symlinks=True)
        more = stopped(step, lambda folder=folder: put(folder, AFTER, NEW), how)
        seen.append(whole(folder))
        put(folder, AFTER, NEW)
        assert whole(folder) == new
        assert os.listdir(folder / "builds") == [new]
        assert sorted(os.listdir(folder)) == ["builds", "public"]
        shutil.rmtree(folder)
        if not more:
            break
    assert set(seen) == {old, new}
    assert len(seen) > 100
    if how is not _full:  # some of our calls have another way when the disk is full
        turn = seen.index(new)
        assert seen == [old] * turn + [new] * (len(seen) - turn)


def test_the_first_build_that_is_stopped_shows_nothing_at_all(tmp_path: Path) -> None:
    for step in range(0, 60, 7):
        assert stopped(step, lambda: put(tmp_path, BEFORE), lambda: os._exit(9))
        assert not (tmp_path / "public").exists()
    put(tmp_path, BEFORE)
    whole(tmp_path)


def test_the_same_twice_is_the_same_to_the_last_byte_and_writes_nothing(tmp_path: Path) -> None:
    first = built(tmp_path / "a")
    then = {p: p.stat().st_mtime_ns for p in (tmp_path / "a").rglob("*")}
    again = built(tmp_path / "a")
    assert (first.changed, again.changed) == (True, False)
    assert first.name == again.name
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "a").rglob("*")} == then
    built(tmp_path / "b", tuple(reversed(TOWN)))
    assert everything(tmp_path / "a") == everything(tmp_path / "b")
    assert first.files == len(everything(tmp_path / "a"))
    assert first.size == sum(map(len, everything(tmp_path / "a").values()))


def test_what_did_not_change_is_the_same_file_on_the_disk(tmp_path: Path) -> None:
    put(tmp_path, BEFORE)
    page = f"es/{BEFORE.code}.html"
    before = [(tmp_path / "public" / name).stat().st_ino for name in (page, name_of(RIVER))]
    put(tmp_path, BEFORE, NEW)
    assert [(tmp_path / "public" / name).stat().st_ino for name in (page, name_of(RIVER))] == before


def test_a_file_is_asked_for_once(tmp_path: Path) -> None:
    asked: list[File] = []

    def given(file: File) -> bytes | None:
        asked.append(file)
        return content(file)

    put(tmp_path, BEFORE, publication(3, files=(RIVER,)), content=given)
    put(tmp_path, BEFORE, NEW, content=given)
    assert asked == [RIVER, MARCH]
    assert everything(tmp_path)[name_of(MARCH)] == PHOTO


def test_a_file_that_the_disk_spoilt_is_asked_for_again(tmp_path: Path) -> None:
    put(tmp_path, BEFORE)
    (tmp_path / "public" / name_of(RIVER)).write_bytes(b"spoilt")
    (tmp_path / "public" / "es" / "index.html").write_bytes(b"spoilt")
    put(tmp_path, BEFORE, NEW)
    whole(tmp_path)


def test_the_last_build_stays_for_who_is_reading_it_and_older_ones_go(tmp_path: Path) -> None:
    names = [put(tmp_path, *(publication(n) for n in range(1, last))).name for last in range(2, 6)]
    assert sorted(os.listdir(tmp_path / "builds")) == sorted(names[-2:])


@pytest.mark.parametrize(
    "change",
    [AFTER, replace(BEFORE, versions=(Version("es", "El río", "Otra."),), corrected_at=NOW),
     replace(BEFORE, files=(), corrected_at=NOW)],
    ids=["withdrawn", "other words", "without its picture"],
)  # fmt: skip
def test_words_that_were_taken_back_are_on_the_disk_no_longer(
    tmp_path: Path, change: Publication
) -> None:
    put(tmp_path, BEFORE)
    done = put(tmp_path, change)
    assert os.listdir(tmp_path / "builds") == [done.name]


def test_the_web_server_may_read_whatever_the_umask_is(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        put(tmp_path / "site", BEFORE)
    finally:
        os.umask(old)
    for path in (tmp_path / "site").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o755 if path.is_dir() else 0o644), path


def test_a_disk_that_has_no_links_gets_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuses)
    put(tmp_path, BEFORE)
    put(tmp_path, BEFORE, NEW)
    whole(tmp_path)


def test_what_somebody_put_in_the_place_of_the_link_is_not_taken_for_a_build(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    os.symlink("builds/../elsewhere", tmp_path / "public")
    put(tmp_path, URGENT)
    whole(tmp_path)
    assert os.listdir(tmp_path / "elsewhere") == []
