"""Olivia sets the bot up with `acuerpa init`: at a terminal, through a pipe, from a file of answers."""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import segno
import tzlocal.unix
from typer.testing import CliRunner

import bot.commands.init
from bot.cli import cli
from bot.config import load
from bot.platforms.base import PlatformError
from bot.setting_up import writing
from bot.setting_up.answers import read
from bot.setting_up.interview import here
from bot.setting_up.writing import Made, text_of
from tests.support.botapi import TOKEN, BotApi
from tests.support.matrix_person import MatrixPerson
from tests.support.socks import Socks
from tests.support.steering import SteeredBot
from tests.support.synapse import Synapse
from tests.support.terminal import PATIENCE, PROGRAM, ROOT, Seat
from tests.support.world import START

API = "ACUERPA_TELEGRAM__BASE_URL"


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def picture_of(link: str) -> str:
    out = StringIO()
    segno.make(link, error="l", micro=False).terminal(out, border=2, compact=True)
    return out.getvalue()


async def piped(
    folder: Path, lines: list[str], *options: str, environment: Mapping[str, str]
) -> tuple[int, str]:
    """Without a terminal: exit status, and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "init", *options, cwd=folder,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        said, _ = await process.communicate("".join(f"{line}\n" for line in lines).encode())
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_olivia_sets_it_up_at_a_terminal(tmp_path: Path, synapse: Synapse) -> None:
    """In Spanish, with slips, on both platforms; then whoever coordinates comes in by the link."""
    folder = tmp_path / "red" / "bot"
    user_id, password = await synapse.register(f"bot-{secrets.token_hex(4)}")
    devices = synapse.devices_of(user_id)
    environment = {"LANG": "es_MX.UTF-8", "TZ": "America/Guatemala"}
    async with await BotApi.start(tmp_path) as api:
        olivia = await api.person("Olivia", language="es", started=False)
        environment[API] = api.url
        async with Seat.taken("init", folder=tmp_path, environment=environment) as at:
            await at.answers("Idioma / Language (es, en) [es]:", "")
            await at.sees("Nada se escribe hasta el final")
            await at.answers(f"[{tmp_path}]:", str(folder))
            await at.answers("zona horaria tienen los grupos nuevos? [America/Guatemala]:", "Marte")
            await at.sees("✗ No conozco esa zona")
            await at.answers("[America/Guatemala]:", "")
            await at.answers("Vacío es directamente:", "")
            await at.answers("¿Se usará en Telegram? [sí]:", "")
            await at.answers("El token (no se ve al escribir):", "my token")
            await at.sees("✗ Eso no es un token")
            await at.answers("El token (no se ve al escribir):", "99:not-this-one")
            await at.sees("✗ Telegram no acepta ese token")
            await at.answers("El token (no se ve al escribir):", TOKEN)
            await at.sees("✓ El token sirve: es de @acuerpa_test_bot.")
            await at.answers("Enter, un número de cuenta, o - para ninguna:", "")
            await at.sees("✗ Todavía no veo ningún mensaje")
            await olivia.writes("hola")
            await at.answers("o - para ninguna:", "")
            await at.sees(f"1. Olivia ({olivia.id})")
            await at.answers("¿Cuál administra el bot? [1]:", "")
            await at.answers("¿Se usará en Matrix? [no]:", "sí")
            await at.answers("@acuerpa:example.org:", "acuerpa")
            await at.sees("✗ Eso no es una cuenta completa")
            await at.answers("@acuerpa:example.org:", user_id)
            await at.answers(
                "¿En qué dirección está su servidor? [https://localhost]:", synapse.url
            )
            await at.answers("Su contraseña (no se ve al escribir):", "wrong-password")
            await at.sees("✗ El servidor no acepta esa cuenta")
            await at.answers(f"[{user_id}]:", "")
            await at.answers(f"[{synapse.url}]:", "")
            await at.answers("Su contraseña (no se ve al escribir):", password)
            await at.sees(f"✓ La contraseña sirve: es de {user_id}.")
            await at.answers("¿Qué cuentas de Matrix administran el bot?", "@ana:localhost")
            await at.answers("Vacío es ninguna:", "")
            await at.sees("nadie de fuera sabrá")
            await at.answers("¿Cuál? [1]:", "3")
            await at.sees("✗ Escribe un número del 1 al 2.")
            await at.answers("¿Cuál? [1]:", "")
            await at.answers("¿Cómo se llama el primer grupo?", "Red de la  Sierra")
            assert not folder.exists()
            await at.answers("¿Lo hago? [sí]:", "")
            for name in (
                "telegram-token",
                "matrix-password",
                "config.toml",
                "acuerpa.key, acuerpa.db",
            ):
                await at.sees(f"✓ {name}")
            await at.sees("✓ Grupo Red de la Sierra creado.")
            await at.sees("██ ▄▄▄▄▄ █")
            await at.sees("https://t.me/acuerpa_test_bot?start=")
            await at.sees("Es como una llave")
            await at.sees(f"acuerpa check --config {folder / 'config.toml'}")
            assert await at.ends() == 0
        assert "\x1b[32m✓" in at.shown  # green
        for secret in (TOKEN, "99:not-this-one", password, "wrong-password"):
            assert secret not in at.words
        assert set(modes(folder).values()) == {0o600}
        assert (
            stat.S_IMODE(folder.stat().st_mode)
            == stat.S_IMODE(folder.parent.stat().st_mode)
            == 0o700
        )
        assert synapse.devices_of(user_id) == devices
        config = load(folder / "config.toml", {})
        assert config.operators == {f"telegram:{olivia.id}", "matrix:@ana:localhost"}
        assert (config.language, config.zone) == ("es", "America/Guatemala")
        assert await api.pending() == 1  # what Olivia wrote is still there for the bot

        secret = at.words.partition("?start=")[2].split()[0]
        assert picture_of(f"https://t.me/acuerpa_test_bot?start={secret}") in at.words
        coral = await api.person("Coral", language="es")
        bot = await SteeredBot.start(folder / "config.toml", tmp_path, START)
        await coral.writes(f"/start {secret}")
        await bot.order("settle")
        assert any("Red de la Sierra" in text for text in await coral.texts())
        await bot.stop()


async def test_through_a_pipe_there_are_lines_and_no_colours(tmp_path: Path) -> None:
    lines = [
        "en", "", "UTC", "", "yes", TOKEN, "-", "no", "https://hc.example.org/ping/secret", "2",
        "too short", "seven words of a secret kind", "Sierra", "yes",
    ]  # fmt: skip
    async with await BotApi.start(tmp_path) as api:
        (tmp_path / "bot").mkdir(mode=0o700)
        status, said = await piped(
            tmp_path / "bot", lines, environment={API: api.url, "LANG": "es"}
        )
    assert status == 0, said
    assert "\x1b" not in said
    assert "█" not in said
    assert "✓ The token works: it is the one of @acuerpa_test_bot." in said
    assert "✗ It is too short. It needs at least 16 letters." in said
    assert "https://t.me/acuerpa_test_bot?start=" in said
    assert "acuerpa unlock --config" in said
    for secret in (TOKEN, "seven words", "hc.example.org"):
        assert secret not in said
    made = modes(tmp_path / "bot")
    assert set(made) == {"config.toml", "telegram-token", "watch-url", "acuerpa.db"}
    assert set(made.values()) == {0o600}
    config = load(tmp_path / "bot" / "config.toml", {})
    assert config.keys.passphrase
    assert config.watch.url is not None


async def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    async with Seat.taken("init", folder=tmp_path, environment={"LANG": "en_GB.UTF-8"}) as at:
        await at.answers("Idioma / Language (es, en) [en]:", "")
        await at.answers("In which folder", "new/folder")
        await at.sees("Which time zone do new groups have? [")
        await asyncio.sleep(0.5)  # readline does not hear what comes while it writes the question
        await at.interrupts()
        await at.sees("✗ Nothing was written.")
        assert await at.ends() == 130
    assert "Traceback" not in at.words
    assert list(tmp_path.iterdir()) == []


# --- without servers ----------------------------------------------------------------------------

ANSWERS = """
folder = "{folder}/bot"
language = "en"
zone = "UTC"
operators = ["telegram:7"]
group = "Red"
try_it = false
[telegram]
token_file = "{folder}/token"
"""


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """A file of answers that is well."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    path = tmp_path / "answers.toml"
    path.write_text(ANSWERS.format(folder=tmp_path))
    return path


def init(*options: str | Path, said: str = "") -> Any:
    return CliRunner().invoke(cli, ["init", *map(str, options)], input=said)


def test_a_file_of_answers_asks_nothing(tmp_path: Path, answers: Path) -> None:
    result = init("--answers", answers)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "bot"
    assert set(modes(folder)) == {"config.toml", "telegram-token", "acuerpa.key", "acuerpa.db"}
    assert set(modes(folder).values()) == {0o600}
    assert (folder / "telegram-token").read_text() == f"{TOKEN}\n"
    assert "Group Red is made." in result.output
    assert TOKEN not in result.output
    again = init("--answers", answers)
    assert again.exit_code == 1
    assert again.output == (
        f"acuerpa: {folder}/config.toml: is there already, and nothing is written over: choose another "
        "folder, or move it away\n"
    )


def test_secrets_may_come_from_standard_input(tmp_path: Path, answers: Path) -> None:
    words = answers.read_text().replace(f"{tmp_path}/token", "-")
    answers.write_text(
        f'proxy = "socks5://ana:words@127.0.0.1:9050"\n{words}[keys]\npassphrase_file = "-"\n'
    )
    result = init("--answers", answers, said=f"{TOKEN}\nsix words chosen by dice\n")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "bot"
    assert (folder / "telegram-token").read_text() == f"{TOKEN}\n"
    assert (folder / "proxy").read_text() == "socks5://ana:words@127.0.0.1:9050\n"
    assert "words" not in (folder / "config.toml").read_text()
    config = load(folder / "config.toml", {})
    for part in ("telegram", "following"):
        through = config.proxy_of(part)
        assert through is not None
        assert through.password == "words"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("token_file", "token", "telegram.token: not in a file of answers: write token_file"),
        ("/token", "/nothing", "telegram.token_file: cannot be read (No such file or directory)"),
        ("language", "langage", "langage: no such setting; did you mean language?"),
        ('"UTC"', '"Mars"', "zone: is no time zone"),
        ("telegram:7", "7", "operators: is no account"),
        ("try_it = false", "try_it = 3", "try_it: must be true or false"),
        ("[telegram]", "[telegram", "is not valid TOML"),
        ("[telegram]", "[telegran]", "telegran: no such setting; did you mean telegram?"),
        ('"Red"', f'"{"R" * 61}"', "group: must have 60 characters at most"),
    ],
)
def test_a_mistake_in_the_answers_is_one_line(
    tmp_path: Path, answers: Path, old: str, new: str, words: str
) -> None:
    answers.write_text(answers.read_text().replace(old, new))
    result = init("--answers", answers)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert words in result.output
    assert TOKEN not in result.output
    assert not (tmp_path / "bot").exists()


def test_what_does_not_work_is_not_written(tmp_path: Path, answers: Path) -> None:
    """Unless somebody says that it is not to be tried."""
    text = answers.read_text().replace("try_it = false", "")
    answers.write_text(text + 'base_url = "http://127.0.0.1:1"\n')
    result = init("--answers", answers)
    assert result.exit_code == 1
    assert "with try_it = false it is not tried" in result.output
    assert not (tmp_path / "bot").exists()


QUESTIONS = ["en", "", "UTC", "", "yes", TOKEN]


@pytest.mark.parametrize("go_on", [True, False])
def test_a_network_that_is_down_is_said_kindly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go_on: bool
) -> None:
    monkeypatch.setenv(API, "http://127.0.0.1:1")
    monkeypatch.chdir(tmp_path)
    rest = ["yes", "7", "no", "", "1", "", "yes"] if go_on else ["no"]
    result = init(said="\n".join([*QUESTIONS, *rest]) + "\n")
    assert (
        "✗ I could not get there (Telegram: unreachable: ConnectionRefusedError)." in result.output
    )
    assert "Shall we go on without trying it? [yes]:" in result.output
    assert result.exit_code == (0 if go_on else 1)
    if go_on:
        assert load(tmp_path / "config.toml", {}).operators == {"telegram:7"}
    else:
        assert result.output.splitlines()[-1] == (
            "acuerpa: init: there are no more answers, and questions are left: nothing was written"
        )
        assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_never_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in writing.NAMES:
        (tmp_path / name).write_text("mine")
        result = init(said="es\n\n")
        assert f"Ahí ya está {name}, y no escribo sobre nada." in result.output
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()
    (tmp_path / "file").write_text("mine")
    assert "Ahí no puedo escribir." in init(said=f"es\n{tmp_path}/file/folder\n").output


@pytest.mark.parametrize("error", [KeyboardInterrupt, PlatformError("no"), OSError("full")])
def test_whatever_breaks_it_off_leaves_nothing(
    tmp_path: Path, answers: Path, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    """The keys and the database are made by then, in folders that are new."""
    answers.write_text(answers.read_text().replace("/bot", "/new/folder/bot"))
    seen = []

    async def breaks(*_: object) -> str:
        seen.extend(modes(tmp_path / "new" / "folder" / "bot"))
        raise error

    monkeypatch.setattr(bot.commands.init, "created", breaks)
    result = init("--answers", answers)
    assert result.exit_code != 0
    assert {"acuerpa.db", "acuerpa.key", "config.toml", "telegram-token"} <= set(seen)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.toml", "token"]


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, answers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", full)
    result = init("--answers", answers)
    assert result.exit_code == 1
    assert result.output == (
        f"acuerpa: {tmp_path}/bot: cannot be written (No space left on device): choose another folder\n"
    )
    assert not (tmp_path / "bot").exists()


async def test_what_is_written_is_for_this_account_alone_whatever_the_mask(tmp_path: Path) -> None:
    made = Made()
    before = os.umask(0)
    try:
        made.folder(tmp_path / "a" / "b")
        made.file(tmp_path / "a" / "b" / "secret", "x")
    finally:
        os.umask(before)
    assert modes(tmp_path / "a") == {"b": 0o700}
    assert modes(tmp_path / "a" / "b") == {"secret": 0o600}
    with pytest.raises(FileExistsError):
        made.file(tmp_path / "a" / "b" / "secret", "y")
    made.undo()
    assert list(tmp_path.iterdir()) == []


def test_odd_letters_come_back_as_they_were(tmp_path: Path, answers: Path) -> None:
    given = read(answers).model_copy(update={"folder": tmp_path / 'ñ "x" \\ \x7f'})
    path = tmp_path / "config.toml"
    path.write_text(text_of(given, given.folder))
    config = load(path, {"ACUERPA_TELEGRAM__TOKEN": "1:a"})
    assert config.database.url == str(given.folder / "acuerpa.db")


async def test_matrix_accounts_of_somebodys_app_are_refused(
    tmp_path: Path, synapse: Synapse
) -> None:
    """The bot could not publish keys of its own there, and would not start."""
    person = await MatrixPerson.join(synapse, f"ana-{secrets.token_hex(4)}")
    await person.signs_own_device()
    tried = await bot.setting_up.trying.matrix(synapse.url, person.user_id, person.password, None)
    assert tried.outcome is bot.setting_up.trying.Outcome.IN_USE
    await person.close()


async def test_a_proxy_that_is_silent_is_asked_about(tmp_path: Path) -> None:
    async with await Socks.start(tmp_path, {}) as socks:
        lines = [
            "en", "", "UTC", "tor", "socks5://127.0.0.1:1", "no", socks.address, "yes", TOKEN, "yes", "-",
            "no", "", "1", "", "yes",
        ]  # fmt: skip
        (tmp_path / "bot").mkdir(mode=0o700)
        status, said = await piped(tmp_path / "bot", lines, environment={API: "http://api.invalid"})
        assert status == 0, said
        assert "✗ That is no address such as socks5://127.0.0.1:9050." in said
        assert "That proxy does not answer (cannot be reached" in said
        assert "✓ The proxy answers." in said
        assert [asked["host"] for asked in socks.asked()] == ["api.invalid"]
    for part in ("telegram", "following"):
        assert load(tmp_path / "bot" / "config.toml", {}).proxy_of(part) is not None


def test_the_zone_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Manila")
    monkeypatch.setattr(tzlocal.unix, "_cache_tz_name", None)
    assert here() == "Asia/Manila"
    for odd in (None, "Nowhere/At_All"):
        monkeypatch.setattr(tzlocal, "get_localzone_name", lambda odd=odd: odd)
        assert here() == "America/Mexico_City"
