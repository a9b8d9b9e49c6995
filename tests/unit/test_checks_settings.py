"""Olivia sets the bot up: what `acuerpa check` refuses, and that it says no secret."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from bot.checks.findings import Level
from bot.checks.settings import weaknesses
from bot.cli import cli
from bot.commands.common import refuse_exposed
from bot.config import load
from storage.copying import snapshot
from storage.database import Database
from storage.keys import KeyFile

TOKEN = "123456789:AAsecret-of-the-bot"

GOOD = """
operators = ["telegram:7"]
[database]
url = "{folder}/acuerpa.db"
[keys]
file = "{folder}/acuerpa.key"
[watch]
url = "https://hc.example.org/ping/secret"
[telegram]
token = "{token}"
[matrix]
homeserver = "https://matrix.example.org"
user_id = "@acuerpa:example.org"
password_file = "{folder}/password"
store = "{folder}/matrix-store"
"""


class Setup:
    """A folder as Olivia made it, and what is found about it."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config.toml"
        self.config.write_text(GOOD.format(folder=folder, token=TOKEN), "utf-8")
        for name in ("acuerpa.db", "acuerpa.key", "password"):
            (folder / name).write_text("x")
            (folder / name).chmod(0o600)
        (folder / "matrix-store").mkdir(mode=0o700)
        self.config.chmod(0o600)
        self.environment: dict[str, str] = {}
        self.root = False

    def opens(self, name: str, mode: int = 0o644) -> None:
        """Others may read it now."""
        (self.config.parent / name).chmod(mode)

    def instead(self, old: str, new: str) -> None:
        """Another line in the file."""
        text = self.config.read_text("utf-8")
        assert old in text
        self.config.write_text(text.replace(old, new), "utf-8")

    def found(self) -> list[str]:
        """The settings that are weak."""
        config = load(self.config)
        weak = weaknesses(config, self.environment, root=self.root)
        assert all(w.words and w.level is Level.WEAK for w in weak)
        return [w.subject for w in weak]


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """Everything as it should be."""
    return Setup(tmp_path)


def test_nothing_is_weak_where_all_is_as_it_should_be(setup: Setup) -> None:
    assert setup.found() == []


WEAK: dict[str, tuple[Callable[[Setup], object], str]] = {
    "the token lies open": (lambda s: s.opens("config.toml"), "telegram.token"),
    "the password lies open": (lambda s: s.opens("password", 0o640), "matrix.password_file"),
    "the key lies open": (lambda s: s.opens("acuerpa.key"), "keys.file"),
    "the database lies open": (lambda s: s.opens("acuerpa.db"), "database.url"),
    "the device's keys lie open": (lambda s: s.opens("matrix-store", 0o755), "matrix.store"),
    "nobody watches from outside": (
        lambda s: s.instead('url = "https://hc.example.org/ping/secret"', ""), "watch.url"
    ),
    "no alarm is tried": (lambda s: s.instead("[watch]", '[watch]\ncanary = ""'), "watch.canary"),
    "nobody hears of trouble": (lambda s: s.instead('["telegram:7"]', "[]"), "operators"),
    "the homeserver is asked in the clear": (
        lambda s: s.instead("https://matrix", "http://matrix"), "matrix.homeserver"
    ),
    "the watcher is told in the clear": (
        lambda s: s.instead("https://hc", "http://hc"), "watch.url"
    ),
    "the database is far away": (
        lambda s: s.instead(
            f'url = "{s.config.parent}/acuerpa.db"', 'url = "postgresql://acuerpa@db.example.org/a"'
        ),
        "database.url",
    ),
    "Python says too much": (
        lambda s: s.environment.update(PYTHONASYNCIODEBUG="1"), "PYTHONASYNCIODEBUG"
    ),
    "it runs as root": (lambda s: setattr(s, "root", True), "account"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WEAK)
def test_a_mistake_is_named_with_its_remedy(setup: Setup, mistake: str) -> None:
    makes, setting = WEAK[mistake]
    makes(setup)
    assert setup.found() == [setting]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("https://matrix.example.org", "http://127.0.0.1:8008"),
        ("https://matrix.example.org", "http://[::1]:8008"),
    ],
)
def test_what_stays_on_this_machine_or_is_sealed_by_itself_may_be_http(
    setup: Setup, old: str, new: str
) -> None:
    setup.instead(old, new)
    assert setup.found() == []


PROXY = 'proxy = "socks5://127.0.0.1:9050"\n'


def test_an_onion_service_may_be_http_and_needs_a_proxy(setup: Setup) -> None:
    setup.instead("https://matrix.example.org", "http://abcdefghij.onion")
    assert setup.found() == ["matrix.proxy"]
    setup.instead("[telegram]\n", f"[telegram]\n{PROXY}")
    setup.instead("[matrix]\n", f"[matrix]\n{PROXY}")
    setup.instead("[watch]\n", f"[following]\n{PROXY}[watch]\n{PROXY}")
    assert setup.found() == []


def test_one_part_that_goes_directly_beside_a_proxy_is_named(setup: Setup) -> None:
    """Whoever hides a part may believe that all is hidden. What stays on this machine goes nowhere."""
    setup.instead("[telegram]\n", f"[telegram]\n{PROXY}")
    assert setup.found() == ["matrix.proxy", "watch.proxy", "following.proxy"]
    setup.instead("https://matrix.example.org", "http://127.0.0.1:8008")
    setup.instead("https://hc.example.org/ping/secret", "http://127.0.0.1:8000/ping/secret")
    assert setup.found() == ["following.proxy"]


def test_a_file_that_a_variable_names_is_looked_at_too(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = setup.config.parent / "token"
    token.write_text(TOKEN)
    token.chmod(0o644)
    monkeypatch.setenv("ACUERPA_TELEGRAM__TOKEN_FILE", str(token))
    setup.opens("config.toml")  # holds a token that nobody uses, and the address of the watcher
    assert setup.found() == ["telegram.token_file", "watch.url"]


@pytest.mark.parametrize("way", ["ssl=verify-full", "sslmode=require"])
def test_a_database_that_is_reached_by_tls_may_be_far_away(setup: Setup, way: str) -> None:
    url = f"postgresql://acuerpa@db.example.org/a?{way}"
    setup.instead(f"{setup.config.parent}/acuerpa.db", url)
    assert setup.found() == []


def test_with_a_passphrase_there_is_no_key_file_to_look_at(setup: Setup) -> None:
    setup.opens("acuerpa.key")
    setup.instead("[keys]", "[keys]\npassphrase = true")
    assert setup.found() == []


def test_the_command_ends_with_one_and_says_no_secret(setup: Setup) -> None:
    setup.opens("config.toml")
    (setup.config.parent / "acuerpa.db").unlink()
    said = CliRunner().invoke(cli, ["check", "--offline", "--config", str(setup.config)])
    assert said.exit_code == 1
    assert "telegram.token: others on this machine may read config.toml" in said.output
    assert TOKEN not in said.output
    assert "secret" not in said.output


async def test_what_the_bot_makes_nobody_else_may_read(setup: Setup) -> None:
    """Neither the database with its log, nor a copy of it, on a machine that gives rights freely."""
    folder = setup.config.parent
    for name in ("acuerpa.db", "acuerpa.key"):
        (folder / name).unlink()
    before = os.umask(0o022)
    try:
        database = Database(str(folder / "acuerpa.db"), KeyFile(folder / "acuerpa.key"))
        await database.open()
        snapshot(folder / "acuerpa.db", folder / "copy.db")
        made = [path for path in folder.iterdir() if path.is_file() and path != setup.config]
        assert {"acuerpa.db", "acuerpa.db-wal", "copy.db"} <= {path.name for path in made}
        assert [path.name for path in made if path.stat().st_mode & 0o077] == []
        with pytest.raises(FileExistsError):
            snapshot(folder / "acuerpa.db", folder / "copy.db")
        await database.close()
    finally:
        os.umask(before)
    assert setup.found() == []


@pytest.mark.parametrize(
    ("opened", "setting"), [("config.toml", "telegram.token"), ("password", "matrix.password_file")]
)
def test_nothing_begins_with_a_secret_that_everybody_may_read(
    setup: Setup, opened: str, setting: str
) -> None:
    """A new installation is refused, and nothing is made. One that has begun goes on, and says so."""
    for name in ("acuerpa.db", "acuerpa.key"):
        (setup.config.parent / name).unlink()
    before = sorted(setup.config.parent.iterdir())
    setup.opens(opened, 0o644)
    for command in (["keys", "init"], ["group", "create", "Red"], ["run"]):
        said = CliRunner().invoke(cli, [*command, "--config", str(setup.config)])
        assert said.exit_code == 1
        assert said.output.startswith(
            f"acuerpa: {setting}: others on this machine may read {opened}"
        )
        assert len(said.output.splitlines()) == 1
        assert sorted(setup.config.parent.iterdir()) == before
    setup.opens(opened, 0o640)  # for a group that the operator chose
    assert CliRunner().invoke(cli, ["keys", "init", "--config", str(setup.config)]).exit_code == 0
    setup.opens(opened, 0o644)
    with structlog.testing.capture_logs() as logs:
        asyncio.run(refuse_exposed(load(setup.config)))
    assert [(log["event"], log["setting"]) for log in logs] == [("secret.exposed", setting)]
    assert "secret-of-the-bot" not in str(logs)
