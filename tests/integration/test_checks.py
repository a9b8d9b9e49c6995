"""Olivia asks whether everything works: `acuerpa check`, against real servers, and beside a bot."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from typer.testing import CliRunner

from bot.backups.values import name_of
from bot.checks import machine
from bot.checks.findings import STATUS, Finding, Level, worst
from bot.checks.machine import MEGA
from bot.checks.scene import Scene
from bot.checks.table import CHECKS, Check, looked
from bot.cli import cli
from bot.config import load
from bot.platforms.matrix.http import path
from storage.database import Database
from storage.keys import KeyFile
from tests.support.botapi import BotApi
from tests.support.matrix_person import MatrixPerson
from tests.support.outside import Outside
from tests.support.socks import Socks
from tests.support.stage_bot import base_config, telegram_config
from tests.support.stage_matrix import MatrixStage, matrix_config
from tests.support.steering import SteeredBot
from tests.support.synapse import Synapse
from tests.support.world import START, World


def scene(config: Path, **more: Any) -> Scene:
    """As `acuerpa check` makes it, but that tests run as root."""
    read = load(config)
    keys = KeyFile(read.keys.file)
    return Scene(read, {}, root=False, now=lambda: datetime.now(UTC), keys=keys, **more)


def written(folder: Path, more: str = "", database: str = "") -> Path:
    path = folder / "config.toml"
    path.write_text(base_config(folder, database) + more)
    return path


async def found(at: Scene, *names: str) -> list[Finding]:
    """What these checks find, or all of them."""
    chosen = tuple(check for check in CHECKS if not names or check.name in names)
    return [finding async for _, finding in looked(at, chosen)]


async def levels(at: Scene, *names: str) -> list[tuple[str, Level]]:
    return [(finding.subject, finding.level) for finding in await found(at, *names)]


def words(findings: list[Finding]) -> str:
    return "\n".join(finding.words for finding in findings)


# --- the database -------------------------------------------------------------------------------


async def made(config: Path) -> None:
    """A database with keys."""
    read = load(config)
    database = Database(read.database.url, KeyFile(read.keys.file))
    await database.open()
    await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An installation with a database of each kind."""
    url = "" if request.param == "sqlite" else str(request.getfixturevalue("fresh_postgres"))
    config = written(tmp_path, database=url)
    asyncio.run(made(config))
    return config


def execute(config: Path, *statements: str) -> None:
    url = load(config).database.url
    address = (
        f"sqlite:///{url}" if "://" not in url else url.replace("postgresql", "postgresql+psycopg2")
    )
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def content(folder: Path) -> dict[str, str]:
    """Every file, with what is in it; but for SQLite's empty log, which a reader makes too."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def test_a_database_of_this_version_that_the_key_opens_is_well(installed: Path) -> None:
    before = content(installed.parent)
    assert asyncio.run(levels(scene(installed), "database")) == [
        ("database.url", Level.OK), ("keys.file", Level.OK),
    ]  # fmt: skip
    assert content(installed.parent) == before


VERSIONS = {"0001": Level.WEAK, "zzzz": Level.FAILING}


@pytest.mark.parametrize("version", VERSIONS)
def test_another_version_of_the_tables_is_told_and_not_changed(
    installed: Path, version: str
) -> None:
    execute(installed, f"UPDATE alembic_version SET version_num = '{version}'")
    before = content(installed.parent)
    first = asyncio.run(found(scene(installed), "database"))[0]
    assert first.level is VERSIONS[version]
    assert {Level.WEAK: "earlier version", Level.FAILING: "newer version"}[
        first.level
    ] in first.words
    assert content(installed.parent) == before


def test_where_there_is_no_database_none_is_made(tmp_path: Path) -> None:
    config = written(tmp_path)
    before = content(tmp_path)
    assert asyncio.run(levels(scene(config), "database")) == [("database.url", Level.WEAK)]
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("/not/here/x.db", ""),
        ("mysql://x", "nothing else is known"),
        ("postgresql://x@127.0.0.1:1/x", ""),
    ],
)
def test_a_database_that_cannot_be_there_is_told(tmp_path: Path, url: str, why: str) -> None:
    first = asyncio.run(found(scene(written(tmp_path, database=url)), "database"))[0]
    assert first.level in (Level.FAILING, Level.WEAK)
    assert first.subject == "database.url"
    assert why in first.words


def test_a_wrong_or_lost_key_is_told(tmp_path: Path) -> None:
    config = written(tmp_path)
    asyncio.run(made(config))
    key = tmp_path / "acuerpa.key"
    right = key.read_bytes()
    key.write_bytes(os.urandom(32))
    (finding,) = asyncio.run(found(scene(config), "database"))[1:]
    assert (finding.level, finding.subject) == (Level.FAILING, "keys")
    assert "does not open this database" in finding.words
    key.unlink()
    (finding,) = asyncio.run(found(scene(config), "database"))[1:]
    assert (finding.level, finding.subject) == (Level.FAILING, "keys.file")
    assert not key.exists()
    # A change of the master key that was broken off: the next start ends it, and this does not.
    (tmp_path / "acuerpa.key.next").write_bytes(right)
    key.write_bytes(os.urandom(32))
    assert asyncio.run(levels(scene(config), "database"))[1:] == [("keys.file", Level.OK)]
    assert (tmp_path / "acuerpa.key.next").exists()


def test_a_passphrase_is_not_asked_for(tmp_path: Path) -> None:
    config = written(tmp_path)
    asyncio.run(made(config))
    at = scene(config)
    at.keys = None
    assert asyncio.run(levels(at, "database"))[1:] == [("keys", Level.SKIPPED)]


def test_a_damaged_file_and_one_without_its_log_are_told(tmp_path: Path) -> None:
    config = written(tmp_path)
    asyncio.run(made(config))
    path = tmp_path / "acuerpa.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=delete")
        (root,) = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'outbox'"
        ).fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    first, pragma, _ = asyncio.run(found(scene(config), "database"))
    assert first.level is Level.OK
    assert (pragma.level, "journal_mode" in pragma.words) == (Level.WEAK, True)
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * 200)
    assert (("database.url", Level.FAILING)) in asyncio.run(levels(scene(config), "database"))
    path.write_bytes(b"what is no database" * 100)
    assert asyncio.run(levels(scene(config), "database")) == [("database.url", Level.FAILING)]


# --- the machine --------------------------------------------------------------------------------


@dataclass
class Disk:
    """What `os.statvfs` says."""

    f_bavail: int
    f_frsize: int = MEGA
    f_files: int = 10**6
    f_favail: int = 10**6


@pytest.mark.parametrize(
    ("disk", "level"),
    [
        (Disk(500), Level.OK), (Disk(499), Level.WEAK), (Disk(99), Level.FAILING),
        (Disk(900, f_favail=9_999), Level.WEAK), (Disk(900, f_favail=499), Level.FAILING),
        (Disk(900, f_files=0, f_favail=0), Level.OK),
    ],
)  # fmt: skip
def test_a_full_disk_is_told_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Disk, level: Level
) -> None:
    monkeypatch.setattr(machine.os, "statvfs", lambda _: disk)
    assert asyncio.run(levels(scene(written(tmp_path)), "disk")) == [("disk (database.url)", level)]


@pytest.mark.parametrize(
    ("said", "level"),
    [("yes", Level.OK), ("no", Level.WEAK), ("", Level.SKIPPED), (None, Level.SKIPPED)],
)
def test_a_clock_that_nothing_keeps_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, level: Level
) -> None:
    """As systemd says it, where there is one."""
    (tmp_path / "bin").mkdir()
    if said is not None:
        program = tmp_path / "bin" / "timedatectl"
        program.write_text(f"#!/bin/sh\necho {said}\n")
        program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert asyncio.run(levels(scene(written(tmp_path), offline=True), "clock")) == [
        ("clock", level)
    ]


@pytest.mark.parametrize(
    ("ahead", "level"),
    [(0, Level.OK), (28, Level.OK), (-60, Level.WEAK), (60, Level.WEAK), (400, Level.FAILING)],
)
async def test_a_clock_is_compared_with_the_platforms(
    tmp_path: Path, ahead: float, level: Level
) -> None:
    async def answer(_: web.Request) -> web.Response:
        theirs = datetime.now(UTC) + timedelta(seconds=ahead)
        return web.Response(headers={"Date": f"{theirs:%a, %d %b %Y %H:%M:%S} GMT"})

    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    config = written(tmp_path, f'[telegram]\ntoken = "1:a"\nbase_url = "{url}"\n')
    first = (await found(scene(config), "clock"))[0]
    assert first.level is level
    assert ("behind" in first.words) is (ahead > 30)
    assert ("ahead of" in first.words) is (ahead < -30)
    await runner.cleanup()


@pytest.mark.parametrize(
    ("hours", "level"),
    [((1, 90), Level.OK), ((47,), Level.OK), ((49, 90), Level.WEAK), ((), Level.WEAK)],
)
def test_a_backup_that_is_old_or_missing_is_told(
    tmp_path: Path, hours: tuple[int, ...], level: Level
) -> None:
    folder = tmp_path / "backups"
    section = f'[backup]\nfolder = "{folder}"\nrecipients = ["age1{"q" * 58}"]\n'
    at = scene(written(tmp_path, section))
    assert asyncio.run(levels(at, "backup")) == [("backup.folder", Level.WEAK)]  # no folder
    folder.mkdir()
    for age in hours:
        taken = at.now() - timedelta(hours=age)
        (folder / name_of(taken)).touch()
    for name in ("notes.txt", "acuerpa-20991399T000000Z.age", "acuerpa-20260101T000000Z.age.part"):
        (folder / name).touch()
    assert asyncio.run(levels(at, "backup")) == [("backup.folder", level)]
    none = scene(written(tmp_path))
    assert asyncio.run(levels(none, "backup")) == [("backup.folder", Level.WEAK)]


# --- Telegram -----------------------------------------------------------------------------------


async def test_telegram_is_looked_at_beside_a_bot_that_runs(tmp_path: Path) -> None:
    async with await BotApi.start(tmp_path) as api:
        config = written(tmp_path, telegram_config(api).replace("1000", "25", 1))
        bot = await SteeredBot.start(config, tmp_path, START)
        before = len(api.truth("request"))
        assert await levels(scene(config), "telegram") == [
            ("telegram.token", Level.OK), ("telegram.per_second", Level.OK),
        ]  # fmt: skip
        asked = {line["method"] for line in api.truth("request")[before:]} - {"getUpdates"}
        assert asked == {"getMe", "getWebhookInfo"}
        stranger = await api.person("Ana")
        await stranger.writes("A" * 22)
        await bot.order("settle")
        assert len(await stranger.texts()) == 2  # and goes on as before
        await bot.stop()


async def test_what_is_wrong_with_the_account_on_telegram(tmp_path: Path) -> None:
    async with await BotApi.start(tmp_path) as api:
        config = written(tmp_path, telegram_config(api))
        await api.control("account", webhook="https://other.example.org", reads_groups=True)
        ana = await api.person("Ana")
        for _ in range(101):
            await ana.writes("hola")
        findings = await found(scene(config), "telegram")
        assert [f.level for f in findings] == [
            Level.OK, Level.FAILING, Level.WEAK, Level.WEAK, Level.OK,
        ]  # fmt: skip
        assert "webhook" in findings[1].words
        assert "/setprivacy" in findings[2].words
        assert "101 updates wait" in findings[3].words
        assert await api.pending() == 101  # none was fetched or confirmed
        await api.revoke()
        (refused,) = await found(scene(config), "telegram")
        assert (refused.subject, refused.level) == ("telegram.token", Level.FAILING)
        assert refused.words.startswith("was refused: get the token")
    (gone,) = await found(scene(config), "telegram")
    assert (gone.subject, gone.level) == ("telegram", Level.FAILING)
    assert "cannot be reached" in gone.words
    assert api.token not in words([refused, gone])


# --- Matrix -------------------------------------------------------------------------------------


async def test_matrix_is_looked_at_before_the_first_start(tmp_path: Path, synapse: Synapse) -> None:
    """The password is tried, and no device is left behind."""
    user_id, password = await synapse.register(f"bot-{secrets.token_hex(4)}")
    config = written(tmp_path, matrix_config(tmp_path, synapse, user_id, password))
    await made(config)
    devices = synapse.devices_of(user_id)
    assert (await levels(scene(config), "database", "matrix"))[2:] == [
        ("matrix.password_file", Level.OK)
    ]
    assert synapse.devices_of(user_id) == devices
    (tmp_path / "matrix-password").write_text("another")
    last = (await found(scene(config), "database", "matrix"))[-1]
    assert (last.subject, last.level) == ("matrix.password_file", Level.FAILING)
    assert "another" not in last.words
    config.write_text(
        config.read_text().replace(f'password_file = "{tmp_path / "matrix-password"}"\n', "")
    )
    last = (await found(scene(config), "database", "matrix"))[-1]
    assert (last.subject, last.level) == ("matrix.password_file", Level.FAILING)


async def test_matrix_is_looked_at_beside_a_bot_that_runs(tmp_path: Path, synapse: Synapse) -> None:
    stage = await MatrixStage.open(tmp_path, synapse)
    group = await World(stage).group("Red")
    devices = synapse.devices_of(stage.user_id)
    before = len(synapse.written_by(stage.user_id))
    well = [
        ("matrix.user_id", Level.OK), ("matrix.store", Level.OK), ("matrix.per_second", Level.SKIPPED),
    ]  # fmt: skip
    assert (await levels(scene(stage.config), "database", "matrix"))[2:] == well
    assert len(synapse.written_by(stage.user_id)) == before
    (measured,) = (await found(scene(stage.config, measure=True), "database", "matrix"))[-1:]
    assert (measured.level, measured.words) == (Level.OK, "30 messages at once met no limit")
    assert synapse.devices_of(stage.user_id) == devices
    await group.joined("Ana")  # and the bot goes on as before

    (tmp_path / "matrix-store" / "crypto.db").rename(tmp_path / "elsewhere")
    assert ("matrix.store", Level.FAILING) in await levels(
        scene(stage.config), "database", "matrix"
    )
    (tmp_path / "elsewhere").rename(tmp_path / "matrix-store" / "crypto.db")
    # Another identity in the place of the bot's, under which its device is not signed.
    password = (tmp_path / "matrix-password").read_text()
    other = await MatrixPerson.join(synapse, stage.user_id, password=password)
    await other.signs_own_device()
    assert ("matrix.store", Level.FAILING) in await levels(
        scene(stage.config), "database", "matrix"
    )
    await other.asks("POST", path("logout", "all"), {})
    await stage.bot.stop()
    last = (await found(scene(stage.config), "database", "matrix"))[-1]
    assert (last.subject, last.level) == ("matrix.user_id", Level.WEAK)
    assert "ended the bot's session" in last.words
    await other.close()
    await stage.close()


async def test_the_rate_of_an_ordinary_account_is_measured(
    tmp_path: Path, synapse: Synapse
) -> None:
    stage = await MatrixStage.open(tmp_path, synapse)
    made = await synapse.admin_register(f"root-{secrets.token_hex(4)}", "x", admin=True)
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {made['access_token']}"}
    ) as http:
        override = f"{synapse.url}/_synapse/admin/v1/users/{stage.user_id}/override_ratelimit"
        limit = {"messages_per_second": 1, "burst_count": 4}
        async with http.post(override, json=limit) as answer:
            assert answer.status == 200
        (finding,) = (await found(scene(stage.config, measure=True), "database", "matrix"))[-1:]
        assert (finding.subject, finding.level) == ("matrix.per_second", Level.WEAK)
        said = re.match(
            r"the server allows (\d+) messages at once, and then (\S+) a", finding.words
        )
        assert said is not None
        assert 2 <= int(said[1]) <= 4  # making the room may have taken some
        assert 0.9 <= float(said[2]) <= 1.3
        assert "and it is 10: have the account exempted" in finding.words
        # As docs/en/setting-up.md tells the homeserver's administrator.
        async with http.post(override, json={"messages_per_second": 0, "burst_count": 0}) as answer:
            assert answer.status == 200
        (finding,) = (await found(scene(stage.config, measure=True), "database", "matrix"))[-1:]
        assert finding.level is Level.OK
    await stage.close()


async def test_a_homeserver_that_is_none_is_told(tmp_path: Path) -> None:
    async with await BotApi.start(tmp_path) as api:
        config = written(tmp_path, f'[matrix]\nhomeserver = "{api.url}"\nuser_id = "@a:b"\n')
        (finding,) = await found(scene(config), "matrix")
        assert (finding.subject, finding.level) == ("matrix.homeserver", Level.FAILING)
        assert "does not answer as one (404" in finding.words
    (finding,) = await found(scene(config), "matrix")
    assert (finding.subject, finding.level) == ("matrix.homeserver", Level.FAILING)
    assert "cannot be reached" in finding.words


# --- outside ------------------------------------------------------------------------------------


async def test_the_watcher_is_looked_at_and_not_told_that_all_is_well(tmp_path: Path) -> None:
    async with Outside.open() as outside:
        config = written(tmp_path, f'[watch]\nurl = "{outside.url}"\n')
        (finding,) = await found(scene(config), "watch")
        assert (finding.subject, finding.level) == ("watch.url", Level.OK)
        assert outside.pings == []
    (gone,) = await found(scene(config), "watch")
    assert (gone.subject, gone.level) == ("watch.url", Level.FAILING)
    assert "secret" not in words([finding, gone])


async def test_proxies_are_asked_whether_they_are_there(tmp_path: Path) -> None:
    async with await Socks.start(tmp_path, {}) as socks:
        proxy = f'proxy = "{socks.address}"\n'
        config = written(tmp_path, f'[telegram]\ntoken = "1:a"\n{proxy}[following]\n{proxy}')
        both = ["telegram.proxy", "following.proxy"]
        assert await levels(scene(config), "proxies") == [(name, Level.OK) for name in both]
        await socks.down()
        assert await levels(scene(config), "proxies") == [(name, Level.FAILING) for name in both]
        assert socks.asked() == []


# --- all of it ----------------------------------------------------------------------------------


async def test_one_check_that_fails_hides_no_other(tmp_path: Path) -> None:
    async def breaks(_: Scene) -> AsyncIterator[Finding]:
        yield Finding(Level.WEAK, "one", "first")
        raise KeyError("secret-of-the-bot")

    async def hangs(_: Scene) -> AsyncIterator[Finding]:
        yield Finding(Level.OK, "two", "second")
        await asyncio.Event().wait()

    async def works(_: Scene) -> AsyncIterator[Finding]:
        yield Finding(Level.OK, "three", "third")

    checks = (Check("breaks", breaks), Check("hangs", hangs, patience=0.05), Check("works", works))
    findings = [finding async for _, finding in looked(scene(written(tmp_path)), checks)]
    assert [(f.subject, f.level) for f in findings] == [
        ("one", Level.WEAK), ("breaks", Level.UNKNOWN), ("two", Level.OK), ("hangs", Level.UNKNOWN),
        ("three", Level.OK),
    ]  # fmt: skip
    assert findings[1].words == "could not be looked at (KeyError)"
    assert findings[3].words == "could not be looked at (took more than 0 s)"


@pytest.mark.parametrize(
    ("found_levels", "status"),
    [
        ([], 0), ([Level.OK, Level.SKIPPED], 0), ([Level.OK, Level.WEAK], 1),
        ([Level.FAILING, Level.WEAK, Level.UNKNOWN], 2), ([Level.WEAK, Level.UNKNOWN], 3),
    ],
)  # fmt: skip
def test_the_exit_status_is_what_monitors_know(found_levels: list[Level], status: int) -> None:
    assert STATUS[worst(Finding(level, "x", "y") for level in found_levels)] == status


def test_the_command_says_lines_or_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The JSON is as docs/en/setting-up.md describes it: other programs read it."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))  # no timedatectl
    config = written(
        tmp_path,
        '[watch]\nurl = "http://127.0.0.1:1/secret"\n[telegram]\ntoken = "1:secret"\n'
        f'[backup]\nfolder = "{tmp_path}"\nrecipients = ["age1{"q" * 58}"]\n',
    ).rename(tmp_path / "c.toml")
    config.write_text('operators = ["telegram:7"]\n' + config.read_text())
    asyncio.run(made(config))
    (tmp_path / name_of(datetime.now(UTC))).touch()
    said = CliRunner().invoke(cli, ["check", "--offline", "--config", str(config)])
    assert (
        said.output.splitlines()[0]
        == "OK   settings: none is weak, and no secret is open to others"
    )
    assert said.exit_code == 0, said.output
    said = CliRunner().invoke(cli, ["check", "--offline", "--json", "--config", str(config)])
    answer = json.loads(said.output)
    assert set(answer) == {"schema", "version", "at", "status", "findings"}
    assert (answer["schema"], answer["status"]) == (1, "ok")
    assert datetime.fromisoformat(answer["at"]).tzinfo is not None
    for finding in answer["findings"]:
        assert set(finding) == {"check", "subject", "level", "words"}
        assert finding["level"] in {"ok", "skipped", "weak", "unknown", "failing"}
    assert {f["check"] for f in answer["findings"]} == {
        "settings", "disk", "database", "backup", "clock",
    }  # fmt: skip
    assert "secret" not in said.output.replace("no secret is open", "")


def test_a_configuration_that_cannot_be_read_fails(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("zona = 3\n")
    said = CliRunner().invoke(cli, ["check", "--config", str(config)])
    assert said.exit_code == 2
    assert said.output == (
        "FAIL zona: no such setting; did you mean zone?: see config.example.toml\n"
    )
    said = CliRunner().invoke(cli, ["check", "--json", "--config", str(config)])
    assert said.exit_code == 2
    assert json.loads(said.output)["findings"][0]["subject"] == "zona"


def test_without_a_platform_nothing_would_start(tmp_path: Path) -> None:
    assert ("telegram, matrix", Level.FAILING) in asyncio.run(
        levels(scene(written(tmp_path)), "settings")
    )
