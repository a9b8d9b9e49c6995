"""A crypto store of nio's is taken over once, whole, and nothing of it is left in the clear."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from nio.crypto import OlmAccount

from bot.platforms.base import PlatformError
from bot.platforms.matrix.store import opening, records
from tests.support.crypto_things import (
    BOT,
    DEVICE,
    FILE,
    Phone,
    contents,
    fill,
    names,
    nios,
    ours,
)
from tests.support.each_line import Watch, in_a_child, killed_at_each_line
from tests.support.rawbytes import hits


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as the bot's first version left it."""
    made = tmp_path / "store"
    made.mkdir()
    store = nios(made, quick=True)
    fill(store)
    store.database.close()
    return made


def held_by_nio(folder: Path) -> dict[str, Any]:
    store = nios(folder)
    held = dict(contents(store))
    store.database.close()
    return held


def test_everything_is_taken_over_and_nothing_stays_in_the_clear(folder: Path) -> None:
    held = held_by_nio(folder)
    secrets = {*names(held), BOT, DEVICE}
    assert {name for _, name in hits(folder, secrets)} == secrets
    clear = os.open(folder / FILE, os.O_RDONLY)  # what is in its blocks once it has no name
    size = os.fstat(clear).st_size
    store = ours(folder)
    assert contents(store) == held
    assert hits(folder, secrets) == []
    assert {path.name for path in folder.iterdir()} == {FILE, f"{FILE}-wal", f"{FILE}-shm"}
    assert os.fstat(clear).st_nlink == 0
    assert os.pread(clear, size + 1, 0) == bytes(size)
    os.close(clear)
    store.close()
    again = ours(folder)
    assert contents(again) == held
    again.close()


def test_earlier_devices_of_the_bot_are_taken_over_too(folder: Path) -> None:
    first = held_by_nio(folder)
    second = nios(folder, device="SECOND")
    second.save_account(OlmAccount())
    dora = Phone("@dora:refugio.example", "DORA")
    second.save_device_keys({"@dora:refugio.example": {"DORA": dora.device}})
    of_second = contents(second)
    second.database.close()
    new = ours(folder, device="SECOND")
    found = contents(new)
    assert found["account"] == of_second["account"]
    assert found["devices"] == first["devices"] | of_second["devices"]
    assert found["room keys"] == first["room keys"]
    new.close()
    old = ours(folder)
    assert contents(old)["account"] == first["account"]
    assert contents(old)["sessions"] == first["sessions"]
    old.close()


def test_killed_at_each_line_it_is_finished_by_the_next_start(
    folder: Path, tmp_path: Path
) -> None:
    held = held_by_nio(folder)
    secrets = {*names(held), BOT, DEVICE}
    copy = tmp_path / "copy"

    def prepare() -> Any:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)

        def work(watch: Watch) -> None:
            with watch():
                ours(copy)

        return work

    places = []
    kills = chain(
        killed_at_each_line(opening, prepare), killed_at_each_line(records, prepare, every=8)
    )
    for place in kills:
        store = ours(copy)
        assert contents(store) == held, place
        assert {path.name.partition("-")[0] for path in copy.iterdir()} == {FILE}, place
        left = b"".join(path.read_bytes() for path in copy.iterdir())
        assert not any(name.encode() in left for name in secrets), place
        store.close()
        places.append(place)
    assert len(places) > 80


def test_half_a_file_of_a_start_that_was_cut_off_is_made_anew(folder: Path) -> None:
    held = held_by_nio(folder)
    for end in ("", "-wal", "-journal"):
        (folder / f"{FILE}.new{end}").write_bytes(b"torn by a power cut" * 400)
    store = ours(folder)
    assert contents(store) == held
    assert {path.name.partition("-")[0] for path in folder.iterdir()} == {FILE}
    store.close()


def test_the_sealed_file_is_on_the_disk_before_the_clear_one_goes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut keeps what was synced, in any order; so the order is made by syncing."""
    done: list[str] = []
    syncing = os.fsync

    def sync(handle: int) -> None:
        done.append(f"sync {Path(os.readlink(f'/proc/self/fd/{handle}')).name}")
        syncing(handle)

    def audit(event: str, given: tuple[Any, ...]) -> None:
        if watching and event in ("os.rename", "os.remove"):
            name = Path(str(given[0])).name
            if (event, name) not in first_of_all:
                done.append(f"{event[3:]} {name}")

    first_of_all = {("os.remove", f"{FILE}.new{end}") for end in ("", "-wal", "-shm", "-journal")}
    watching = True
    monkeypatch.setattr(os, "fsync", sync)
    sys.addaudithook(audit)
    store = ours(folder)
    watching = False
    store.close()
    assert done == [
        f"sync {FILE}.new",
        f"rename {FILE}",
        f"rename {FILE}.new",
        "sync store",
        f"sync {FILE}.clear",
        f"remove {FILE}.clear",
        "sync store",
    ]


def test_a_transaction_of_nios_that_was_cut_off_is_rolled_back_first(folder: Path) -> None:
    held = held_by_nio(folder)

    def half_a_transaction() -> None:
        db = sqlite3.connect(folder / FILE, isolation_level=None)
        db.execute("PRAGMA cache_size = 1")  # so that changes go to the file before the commit
        db.execute("BEGIN")
        db.execute("UPDATE olmsessions SET session = zeroblob(20000)")
        db.execute("UPDATE encryptedrooms SET room_id = 'x' || room_id")
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_child(half_a_transaction) == signal.SIGKILL
    assert (folder / f"{FILE}-journal").stat().st_size > 0
    store = ours(folder)
    assert contents(store) == held
    store.close()


def test_a_full_disk_leaves_the_clear_file_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = held_by_nio(folder)
    before = (folder / FILE).read_bytes()
    monkeypatch.setitem(records._PRAGMAS, "max_page_count", 4)
    with pytest.raises(PlatformError, match="SQLITE_FULL") as caught:
        ours(folder)
    assert not caught.value.final
    assert (folder / FILE).read_bytes() == before
    monkeypatch.undo()
    store = ours(folder)
    assert contents(store) == held
    store.close()


def test_a_file_of_somebody_else_is_refused_and_left_alone(folder: Path) -> None:
    for made in (b"not a database at all", None):
        path = folder / FILE
        path.unlink()
        if made is not None:
            path.write_bytes(made)
        else:
            db = sqlite3.connect(path)
            db.execute("CREATE TABLE recipes (name)")
            db.close()
        before = path.read_bytes()
        with pytest.raises(PlatformError, match=r"^matrix\.store: .*folder") as caught:
            ours(folder)
        assert caught.value.final
        assert path.read_bytes() == before
