"""A backup comes back: nothing is sent twice that must not be, nothing is lost, and people know of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import psycopg2
import pytest
import pytest_asyncio

from bot.backups import stream, work
from bot.backups.restoring import restore
from bot.backups.stream import identities
from bot.config import load
from bot.domain.lanes import Lane
from bot.engine.stepping import SteppedClock
from bot.platforms.sandbox.town import private_chat
from storage.database import Database
from storage.facts import RESTORED
from storage.keys import KeyFile, KeyInMemory
from tests.proofs.keeping import filled
from tests.support.backups import Installation, no_room_kept, order
from tests.support.disks import SmallDisk, small_disk
from tests.support.first_version import holds_everything
from tests.support.opened import KEY
from tests.support.stage_sandbox import SandboxStage
from tests.support.world import START, Group, World


class Life:
    """A bot whose database is taken away and brought back, while the people's chats stay as they are."""

    def __init__(self, one: Installation, stage: SandboxStage) -> None:
        self.one = one
        self.stage = stage
        self.world = World(stage)
        self.said: list[str] = []

    @classmethod
    async def begins(cls, one: Installation) -> Life:
        database = Database(one.url, KeyInMemory(KEY))
        await database.open()
        stage = SandboxStage(database, SteppedClock(START))
        await stage.engine.start()
        return cls(one, stage)

    async def is_backed_up(self) -> Path:
        """While the bot goes on."""
        at = self.stage.clock.now()
        wanted = order(self.one.url, self.one.backups, public=self.one.public, at=at)
        return self.one.backups / (await asyncio.to_thread(work.make, wanted)).name

    async def is_restored(self, backup: Path, *, moved: bool = False) -> None:
        """The database is lost, and the backup takes its place; then a bot is started on it.

        To the platform it is somebody new, who may say a thing twice: so is a new device on Matrix.
        """
        self.stage.town._by_key.clear()
        await self.stage.database.close()
        config = load(self.one.config)
        await restore(
            backup, identities(self.one.identity), config, KeyFile(self.one.key),
            self.stage.clock.now(), self.said.append, replace=True, moved=moved,
        )  # fmt: skip
        database = Database(self.one.url, KeyInMemory(KEY))
        await database.open()
        stage = SandboxStage(database, self.stage.clock, town=self.stage.town)
        self.stage = self.world.stage = stage
        self.world.stages = (stage,)
        await stage.engine.start()
        await stage.engine.settle()


@pytest.fixture(params=["sqlite", "postgresql"])
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """An installation on each kind of database."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("fresh_postgres")
    return Installation(tmp_path, url)


@pytest_asyncio.fixture
async def on_file(tmp_path: Path) -> AsyncIterator[Life]:
    """A bot on SQLite: what people see does not depend on the kind."""
    made = await Life.begins(Installation(tmp_path))
    yield made
    await made.stage.close()


async def a_group(world: World) -> Group:
    """Ana is asked at nine, and Berta is told."""
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta; repetir 10 min")
    await ana.asked_daily("09:00", grace="45 min", more="sin avisos")
    await berta.reads_all()
    await group.coordinator.reads_all()
    return group


# --- what people see ------------------------------------------------------------------------------


async def test_an_alarm_of_before_goes_on_and_everybody_who_has_to_knows(on_file: Life) -> None:
    world = on_file.world
    operator = await world.person("operadora")
    group = await a_group(world)
    ana, berta = group.people
    await world.until("09:45")
    await ana.sees("¿Estás bien?")
    await berta.sees("Ana", "no respondió", "#1")
    backup = await on_file.is_backed_up()
    await world.forward(hours=3)
    assert len(await berta.reads_all()) > 10  # each ten minutes, and nobody took it
    await on_file.is_restored(backup)
    await berta.sees("Ana", "no respondió", "#1")  # one more, of now, and none of those hours
    await berta.sees_nothing()
    await group.coordinator.sees("copia de seguridad", "Revisen")
    await operator.sees("copia de seguridad")
    await world.forward(minutes=10)
    await berta.sees("#1")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste el incidente #1")
    await world.forward(hours=1)
    assert await on_file.stage.database.master()  # it is a whole one
    async with on_file.stage.database.transaction() as tx:
        assert await tx.facts.get(RESTORED) is None


async def test_who_was_waited_for_is_asked_again_before_anybody_is_alarmed(on_file: Life) -> None:
    world = on_file.world
    group = await a_group(world)
    ana, berta = group.people
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    backup = await on_file.is_backed_up()
    await world.until("09:40")
    await world.until("13:00")
    await berta.reads_all()
    await on_file.is_restored(backup)
    await ana.sees("Estuve un rato sin funcionar. ¿Estás bien?")
    await ana.sees("Estuve sin funcionar", "09:00")  # she is of those who are told, too
    await ana.sees_nothing()
    await group.coordinator.reads_all()
    assert not [text for text in await berta.reads_all() if "Ana no respondió" in text]
    await ana.presses("Estoy bien")
    await ana.reads_all()
    await world.forward(hours=1)
    assert not [text for text in await berta.reads_all() if "Ana no respondió" in text]


async def test_what_was_about_to_leave_leaves_once_or_not_at_all(on_file: Life) -> None:
    """The rows of an instant at which all lanes were full; later all of them had left."""
    world = on_file.world
    group = await a_group(world)
    ana, berta = group.people
    await world.until("09:45")
    await ana.sees("¿Estás bien?")
    await berta.sees("#1")
    now = on_file.stage.clock.now()
    async with on_file.stage.database.transaction() as tx:
        for lane, person in (
            (Lane.BROADCAST, "ana"), (Lane.CONVERSATION, "ana"), (Lane.ALARM, "berta"),
            (Lane.CHECKIN, "ana"),
        ):  # fmt: skip
            await tx.outbox.add(
                key=f"k{lane.name}", lane=lane, platform="sandbox", chat=private_chat(person),
                chat_kind="private", operation="send", now=now,
                body={"text": [[f"words of {lane.name}", "plain"]], "buttons": []},
                purpose="denunciation:1" if lane is Lane.BROADCAST else "",
            )  # fmt: skip
    on_file.stage.town.down = True
    backup = await on_file.is_backed_up()
    on_file.stage.town.down = False
    await world.stage.settle()
    for lane in Lane:
        person = berta if lane is Lane.ALARM else ana
        await person.sees(f"words of {lane.name}")
    await world.forward(hours=2)
    await berta.reads_all()
    await on_file.is_restored(backup)
    again = [*await ana.reads_all(), *await berta.reads_all()]
    assert {text for text in again if "words of" in text} == {"words of ALARM", "words of CHECKIN"}
    async with on_file.stage.database.transaction() as tx:
        assert (await tx.outbox.tally("denunciation:1")) == {"unknown": 1}
        (aside,) = [row for row in await tx.outbox.aside() if row.key == "kBROADCAST"]
        assert aside.state == "unknown"
    await group.coordinator.reads_all()


async def test_soon_after_the_copy_an_answer_still_comes(on_file: Life) -> None:
    world = on_file.world
    group = await a_group(world)
    ana, _ = group.people
    now = on_file.stage.clock.now()
    async with on_file.stage.database.transaction() as tx:
        await tx.outbox.add(
            key="k", lane=Lane.CONVERSATION, platform="sandbox", chat=private_chat("ana"),
            chat_kind="private", operation="send", now=now, purpose="",
            body={"text": [["an answer", "plain"]], "buttons": []},
        )  # fmt: skip
    backup = await on_file.is_backed_up()
    await world.forward(minutes=2)
    await ana.sees("an answer")
    await on_file.is_restored(backup)
    await ana.sees("an answer")
    await group.coordinator.sees("copia de seguridad")


async def test_an_invitation_of_before_lets_nobody_in_and_no_number_comes_twice(on_file: Life) -> None:
    world = on_file.world
    group = await a_group(world)
    ana, berta = group.people
    await group.coordinator.writes("/invitar red")
    secret = await group.coordinator.reads_secret()
    backup = await on_file.is_backed_up()
    carla = await world.person("Carla")
    await carla.joins(secret)
    await ana.writes("/auxilio")
    await berta.sees("#1")
    await group.coordinator.reads_all()
    await ana.reads_all()
    await on_file.is_restored(backup)
    await group.coordinator.sees("Las invitaciones de antes ya no sirven")
    dora = await world.person("Dora")
    await dora.writes(secret)
    await dora.sees("Esta invitación no sirve")
    await ana.writes("/auxilio")
    await ana.reads_all()
    await berta.sees("#101")
    await group.coordinator.reads_all()
    await group.coordinator.writes("/bitacora")
    await group.coordinator.sees("copia de seguridad")


async def test_a_bot_that_was_stopped_and_moved_goes_on_as_it_was(on_file: Life) -> None:
    world = on_file.world
    group = await a_group(world)
    ana, berta = group.people
    await group.coordinator.writes("/invitar red")
    secret = await group.coordinator.reads_secret()
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    async with on_file.stage.database.transaction() as tx:
        await tx.fence.end_all()  # as the end of a bot does
    backup = await on_file.is_backed_up()
    await on_file.is_restored(backup, moved=True)
    assert "What happened after" not in " ".join(on_file.said)
    await group.coordinator.sees_nothing()
    carla = await world.person("Carla")
    await carla.joins(secret)
    await group.coordinator.sees("Carla", "entró")
    await world.until("09:45")
    await berta.sees("Ana", "no respondió", "#1")


# --- what the operator sees -----------------------------------------------------------------------


async def restored(one: Installation, backup: Path, **how: bool) -> None:
    config = load(one.config)
    at = datetime(2026, 11, 27, tzinfo=START.tzinfo)
    given = {"replace": True, "moved": False, **how}
    await restore(
        backup, identities(one.identity), config, KeyFile(one.key), at, lambda _: None, **given
    )


async def members_of(url: str) -> int:
    database = Database(url, KeyInMemory(KEY))
    await database.open()
    async with database.transaction() as tx:
        count = len(await tx.people.in_group(1))
    await database.close()
    return count


async def test_what_was_there_is_kept_under_another_name(one: Installation) -> None:
    await filled(one.url, 5)
    backup = await asyncio.to_thread(one.backup)
    await restored(one, backup)
    assert await members_of(one.url) == 5
    if "://" not in one.url:
        (aside,) = one.folder.glob("acuerpa.db.before-*Z")
        assert aside.stat().st_mode & 0o777 == 0o600
        assert await members_of(str(aside)) == 5
    else:
        with closing(psycopg2.connect(one.url)) as db, db.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM acuerpa_before_20261127t000000z.members")
            assert cursor.fetchone() == (5,)


async def test_from_one_kind_of_database_to_the_other(
    tmp_path: Path, fresh_postgres: str
) -> None:
    """A backup of PostgreSQL needs no PostgreSQL to be restored."""
    server = Installation(tmp_path, fresh_postgres)
    await filled(fresh_postgres, 7)
    backup = await asyncio.to_thread(server.backup)
    text = server.config.read_text("utf-8")
    server.config.write_text(text.replace(fresh_postgres, str(tmp_path / "here.db")), "utf-8")
    await restored(server, backup, replace=False)
    assert await members_of(str(tmp_path / "here.db")) == 7


def test_without_replace_nothing_is_replaced(tmp_path: Path) -> None:
    one = Installation.with_people(tmp_path)
    backup = one.backup()
    before = one.there()
    said = one.says("restore", str(backup), "--identity", str(one.identity))
    assert (said.exit_code, said.output.count("\n")) == (1, 1)
    assert "--replace" in said.output
    assert one.there() == before


def test_while_a_bot_runs_nothing_is_restored(tmp_path: Path) -> None:
    one = Installation.with_people(tmp_path)
    backup = one.backup()
    before = one.there()

    async def beside_a_bot() -> None:
        bot = Database(one.url, KeyInMemory(KEY))
        assert await bot.lock.acquire()
        said = await asyncio.to_thread(
            one.says, "restore", str(backup), "--identity", str(one.identity), "--replace"
        )
        assert (said.exit_code, said.output.count("\n")) == (1, 1)
        assert "a bot runs on this database: stop it first" in said.output
        await bot.lock.release()

    asyncio.run(beside_a_bot())
    assert one.there() == before


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("identity", "this private key does not open this backup"),
        ("no identity", "holds no private key"),
        ("master", "this key does not open this database"),
        ("no master", "is not there, and this database needs it"),
        ("newer", "made by a newer version"),
        ("moved", "--moved: the bot was running"),
        ("file", "is not there: name the file of a backup"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_replaced(
    tmp_path: Path, wrong: str, words: str
) -> None:
    one = Installation.with_people(tmp_path)
    if wrong == "moved":
        with closing(sqlite3.connect(one.url)) as db:
            db.execute("INSERT INTO fences VALUES ('acting', 1, 99, '')")
            db.commit()
    backup = one.backup()
    more: list[str] = []
    match wrong:
        case "identity":
            one.identity.write_text(stream.new_identity()[2])
        case "no identity":
            one.identity.write_text("nonsense\n")
        case "master":
            one.key.write_bytes(bytes(32))
        case "no master":
            one.key.unlink()
        case "newer":
            with closing(sqlite3.connect(one.url)) as db:
                db.execute("UPDATE alembic_version SET version_num = '9999'")
                db.commit()
            with patch("storage.verifying.revisions", lambda: ["9999"]):
                backup.unlink()
                backup = one.backup()
        case "moved":
            more = ["--moved"]
        case "file":
            backup = tmp_path / "none.age"
    before = one.there()
    said = one.says("restore", str(backup), "--identity", str(one.identity), "--replace", *more)
    assert (said.exit_code, said.output.count("\n")) == (1, 1), said.output
    assert words in said.output
    assert one.there() == before
    assert not list(tmp_path.glob("*before*"))


async def test_an_older_schema_is_brought_to_this_version(tmp_path: Path) -> None:
    one = await asyncio.to_thread(Installation.of_version, tmp_path, "0012")
    backup = await asyncio.to_thread(one.backup)
    Path(one.url).unlink()
    await restored(one, backup, replace=False)
    database = Database(one.url, KeyInMemory(KEY))
    assert await database.pending() == []
    await database.open()
    await holds_everything(database)
    await database.close()


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    with small_disk() as disk:
        if not isinstance(disk, SmallDisk):
            pytest.skip("no disk can be mounted here")
        one = Installation(disk.folder, str(disk.folder / "acuerpa.db"))
        asyncio.run(filled(one.url, 3))
        with no_room_kept():
            backup = one.backup()
        said = one.says("restore", str(backup), "--identity", str(one.identity), "--replace")
        assert (said.exit_code, said.output.count("\n")) == (1, 1)
        assert "make room" in said.output  # before anything is written
        disk.fill(0)
        with (disk.folder / "ballast").open("r+b") as ballast:
            ballast.truncate(ballast.seek(0, 2) - 100_000)
        before = one.there()
        with no_room_kept(), pytest.MonkeyPatch.context() as patched:
            patched.setattr("bot.backups.restoring.RESERVE", -(1 << 40))
            said = one.says("restore", str(backup), "--identity", str(one.identity), "--replace")
        assert (said.exit_code, said.output.count("\n")) == (1, 1), said.output
        assert "make room" in said.output
        assert "nothing was changed" in said.output
        assert one.there() == before


# --- rehearsals -----------------------------------------------------------------------------------


def test_a_rehearsal_restores_the_newest_and_touches_nothing(tmp_path: Path) -> None:
    one = Installation.with_people(tmp_path)
    one.backup(command=True)
    before = one.there()
    said = one.says(
        "rehearse", "--identity", str(one.identity), "--folder", str(tmp_path)
    )
    assert said.exit_code == 0, said.output
    assert said.output.count("\n") == 1
    assert "11 sealed fields opened" in said.output
    assert one.there() == before


@pytest.mark.parametrize("key", ["--key", "--without-key", "wrong"])
def test_where_the_private_keys_are_no_configuration_is_needed(tmp_path: Path, key: str) -> None:
    one = Installation.with_people(tmp_path)
    backup = one.backup()
    one.config.unlink()
    if key == "wrong":
        one.key.write_bytes(bytes(32))
    given = ["--without-key"] if key == "--without-key" else ["--key", str(one.key)]
    which = str(backup.parent if key == "--key" else backup)  # the newest in that folder
    said = one.says(
        "rehearse", which, "--identity", str(one.identity), "--folder", str(tmp_path), *given
    )
    if key == "wrong":
        assert said.exit_code == 1
        assert "does not open this database" in said.output
    else:
        assert said.exit_code == 0, said.output
        opened = "no sealed field" if key == "--without-key" else "11 sealed fields"
        assert opened in said.output
