"""An operator makes backups: what is in them, what is kept, and what stands in the way."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.backups import stream, work
from bot.backups.values import BackupError, Manifest, name_of, taken_at
from bot.backups.work import WORK
from bot.cli import cli
from storage.database import Database
from storage.keys import KeyInMemory
from tests.proofs.keeping import filled
from tests.support.backups import AT, Installation, no_room_kept, order
from tests.support.disks import SmallDisk, small_disk
from tests.support.opened import KEY
from tests.support.rawbytes import hits

PEOPLE = 12


@pytest.fixture(params=["sqlite", "postgresql"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """One with people in it, on each kind of database."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("fresh_postgres")
    made = Installation(tmp_path, url)
    asyncio.run(filled(made.url, PEOPLE))
    return made


@pytest.fixture
def on_file(tmp_path: Path) -> Installation:
    """One on SQLite."""
    return Installation.with_people(tmp_path, PEOPLE)


def opened_by_age(backup: Path, identity: Path) -> dict[str, bytes]:
    """What is in it, by the tools that are not ours."""
    archive = subprocess.run(
        ["age", "-d", "-i", str(identity), str(backup)], check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        return {e.name: tar.extractfile(e).read() for e in tar}  # type: ignore[union-attr]


def test_a_backup_is_opened_with_age_and_tar(installed: Installation, tmp_path: Path) -> None:
    backup = installed.backup(command=True)
    assert backup.stat().st_mode & 0o777 == 0o600
    inside = opened_by_age(backup, installed.identity)
    assert set(inside) == {"manifest.json", "acuerpa.db", "config.toml"}
    manifest = json.loads(inside["manifest.json"])
    assert manifest["tables"]["members"] == PEOPLE
    assert manifest["sealed"] == 2 + 3 * PEOPLE
    (tmp_path / "copy.db").write_bytes(inside["acuerpa.db"])
    with closing(sqlite3.connect(tmp_path / "copy.db")) as db:
        assert db.execute("SELECT count(*) FROM accounts").fetchone() == (PEOPLE,)
    left = [path.name for path in tmp_path.iterdir() if path.name.startswith(WORK)]
    assert left == [f"{WORK}.lock"]


def test_no_secret_is_in_it_and_its_configuration_says_which_to_bring(on_file: Installation) -> None:
    backup = on_file.backup(command=True)
    inside = opened_by_age(backup, on_file.identity)
    assert KEY not in b"".join(inside.values())
    assert b"a-secret-token" not in b"".join(inside.values())
    assert 'token_file = "…"  # a secret: bring it' in inside["config.toml"].decode()
    assert b"members" not in backup.read_bytes()  # nor is anything of it in the clear
    said = on_file.says("restore", str(backup), "--identity", str(on_file.identity), "--config-only")
    assert said.exit_code == 1  # there is one already
    on_file.config.unlink()
    said = on_file.says("restore", str(backup), "--identity", str(on_file.identity), "--config-only")
    assert said.exit_code == 0, said.output
    assert on_file.config.read_bytes() == inside["config.toml"]


def test_names_in_it_stay_sealed_for_whoever_has_its_key_alone(
    on_file: Installation, tmp_path: Path
) -> None:
    inside = opened_by_age(on_file.backup(), on_file.identity)
    (tmp_path / "opened").mkdir()
    (tmp_path / "opened" / "copy.db").write_bytes(inside["acuerpa.db"])
    assert hits(tmp_path / "opened", ["Ana 3", "chat 3"]) == []


def test_nothing_is_backed_up_in_the_clear(on_file: Installation) -> None:
    text = on_file.config.read_text("utf-8")
    on_file.config.write_text(text.replace(f'recipients = ["{on_file.public}"]\n', ""), "utf-8")
    said = on_file.says("backup")
    assert said.exit_code == 1
    assert "backup" in said.output
    assert "recipients" in said.output
    assert not on_file.backups.exists()
    with pytest.raises(BackupError, match="nothing is backed up in the clear"):
        work.make(order(on_file.url, on_file.backups))


@pytest.mark.parametrize("wrong", ["age1short", "AGE-SECRET-KEY-1QQQ", "ssh-ed25519 AAAA"])
def test_what_is_no_public_key_is_refused_by_its_name(on_file: Installation, wrong: str) -> None:
    text = on_file.config.read_text("utf-8")
    on_file.config.write_text(text.replace(on_file.public, wrong), "utf-8")
    said = on_file.says("backup")
    assert said.exit_code == 1
    assert "backup" in said.output
    assert wrong not in said.output


def test_the_key_for_backups_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new-identity"
    said = CliRunner().invoke(cli, ["backup-key", str(file)])
    assert said.exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    (identity,) = stream.identities(file)
    assert str(identity.to_public()) in said.output
    assert "AGE-SECRET-KEY" not in said.output
    before = file.read_bytes()
    assert CliRunner().invoke(cli, ["backup-key", str(file)]).exit_code == 1
    assert file.read_bytes() == before


def test_the_oldest_go_once_a_newer_one_is_whole(on_file: Installation) -> None:
    names = []
    for day in range(5):
        at = AT + timedelta(days=day)
        made = work.make(order(on_file.url, on_file.backups, public=on_file.public, at=at))
        names.append(made.name)
    (on_file.backups / "notes.txt").write_text("mine")
    there = sorted(path.name for path in on_file.backups.glob("*.age"))
    assert there == names[2:]
    # A clock of the future made one that counts as the newest: the one of today stays all the same.
    for year in (2031, 2032, 2033):
        (on_file.backups / name_of(AT.replace(year=year))).write_bytes(b"x")
    later = AT + timedelta(days=9)
    made = work.make(order(on_file.url, on_file.backups, public=on_file.public, at=later))
    assert (on_file.backups / made.name).exists()
    assert (on_file.backups / "notes.txt").exists()


def test_what_is_damaged_is_not_backed_up_and_no_older_one_goes(on_file: Installation) -> None:
    for day in range(3):
        at = AT + timedelta(days=day)
        work.make(order(on_file.url, on_file.backups, public=on_file.public, at=at))
    before = sorted(on_file.backups.iterdir())
    with closing(sqlite3.connect(on_file.url)) as db:
        db.execute("UPDATE members SET name = (SELECT name FROM members WHERE id = 2) WHERE id = 1")
        db.commit()
    said = on_file.says("backup")
    assert said.exit_code == 1
    assert "members.name: a sealed field does not open" in said.output
    assert sorted(on_file.backups.iterdir()) == before


def test_another_master_key_is_said_and_leaves_nothing(on_file: Installation) -> None:
    on_file.key.write_bytes(bytes(32))
    before = on_file.there()
    said = on_file.says("backup")
    assert said.exit_code == 1
    assert "this key does not open this database" in said.output
    assert on_file.there() == before


def test_what_could_be_read_back_is_another_thing(
    on_file: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that lies: what was written is not what is there."""
    real = stream.write

    def writes(out, manifest: Manifest, files, to) -> None:  # type: ignore[no-untyped-def]
        real(out, manifest, files, to)
        out.seek(20000)
        out.write(b"\0")

    monkeypatch.setattr(stream, "write", writes)
    with pytest.raises(BackupError, match="damaged"):
        work.make(order(on_file.url, on_file.backups, public=on_file.public))
    assert list(on_file.backups.iterdir()) == []


# --- full disks -----------------------------------------------------------------------------------


def test_a_disk_without_room_is_refused_before_anything_is_written(on_file: Installation) -> None:
    with small_disk() as disk:
        if not isinstance(disk, SmallDisk):
            pytest.skip("no disk can be mounted here")
        folder = disk.folder / "backups"
        folder.mkdir()
        disk.fill(0)
        said = on_file.says("backup", "--to", str(folder))
        assert said.exit_code == 1
        assert said.output.count("\n") == 1
        assert "make room" in said.output
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("full", ["backups", "database"])
def test_a_disk_that_fills_up_meanwhile_leaves_nothing(on_file: Installation, full: str) -> None:
    with small_disk() as disk:
        if not isinstance(disk, SmallDisk):
            pytest.skip("no disk can be mounted here")
        wanted = order(on_file.url, disk.folder / "backups", public=on_file.public)
        if full == "database":  # the copy is made beside it
            wanted = work.Order(
                **{**work.asdict(wanted), "folder": str(on_file.backups), "scratch": str(disk.folder)}
            )
        disk.fill(0)
        with (disk.folder / "ballast").open("r+b") as ballast:
            ballast.truncate(ballast.seek(0, 2) - 200_000)
        before = {path for path in disk.folder.rglob("*") if path.is_file()}
        with no_room_kept(), pytest.raises(BackupError, match=r"make room.*nothing is left of it"):
            work.make(wanted)
        after = {path for path in disk.folder.rglob("*") if path.is_file()}
        assert {path.name for path in after - before} <= {f"{WORK}.lock"}
        assert list(on_file.backups.glob("*")) == []
        disk.free(0)
        with no_room_kept():
            assert work.make(wanted).rows > PEOPLE


def test_what_a_killed_process_left_is_overwritten_and_goes(
    on_file: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = on_file.folder / WORK
    left.mkdir()
    (left / "acuerpa.db").write_bytes(b"somebody's rows" * 1000)
    on_file.backups.mkdir()
    half = on_file.backups / f".{name_of(AT)}.half"
    half.write_bytes(b"half of one")
    seen: list[bytes] = []
    real = shutil.rmtree

    def rmtree(path: Path) -> None:
        seen.extend(file.read_bytes() for file in Path(path).rglob("*") if file.is_file())
        real(path)

    monkeypatch.setattr(work.shutil, "rmtree", rmtree)
    work.make(order(on_file.url, on_file.backups, public=on_file.public))
    assert not half.exists()
    assert not left.exists()
    assert len(seen) >= 2
    assert all(content.strip(b"\0") == b"" for content in seen)


def test_two_are_not_made_at_once(on_file: Installation) -> None:
    with work._one_at_a_time(on_file.folder), pytest.raises(BackupError, match="another one"):
        work.make(order(on_file.url, on_file.backups, public=on_file.public))


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("acuerpa-20261126T040000Z.age", True),
        ("acuerpa-20261326T040000Z.age", False),
        (".acuerpa-20261126T040000Z.age.half", False),
        ("acuerpa-20261126T040000Z.age.gpg", False),
        ("other-20261126T040000Z.age", False),
    ],
)
def test_a_backup_is_known_by_its_name(name: str, is_one: bool) -> None:
    assert (taken_at(name) is not None) is is_one


async def test_a_database_of_an_older_version_is_backed_up_as_it_is(tmp_path: Path) -> None:
    one = await asyncio.to_thread(Installation.of_version, tmp_path, "0009")
    made = await asyncio.to_thread(work.make, order(one.url, one.backups, public=one.public))
    (identity,) = stream.identities(one.identity)
    manifest = stream.read(one.backups / made.name, [identity], lambda name: None)
    assert manifest.schema == "0009"
    assert manifest.sealed > 5


Damage = Callable[[Path], None]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


@pytest.mark.parametrize("damage", [_cut, _flip, _empty, _longer])
def test_a_damaged_backup_is_refused_in_one_line_and_changes_nothing(
    on_file: Installation, damage: Damage
) -> None:
    backup = on_file.backup()
    damage(backup)
    before = on_file.there()
    said = on_file.says("restore", str(backup), "--identity", str(on_file.identity), "--replace")
    assert said.exit_code == 1
    assert said.output.count("\n") == 1
    assert "damaged" in said.output
    assert on_file.there() == before


async def test_a_transaction_goes_on_while_one_is_made(on_file: Installation) -> None:
    database = Database(on_file.url, KeyInMemory(KEY))
    await database.open()
    async with database.transaction() as tx:
        await asyncio.to_thread(work.make, order(on_file.url, on_file.backups, public=on_file.public))
        await tx.facts.set("x", b"y")
    await database.close()
