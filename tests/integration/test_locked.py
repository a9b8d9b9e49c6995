"""A bot whose database opens with a passphrase alone: locked at its start, and seen to be."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

from aiohttp import web

from tests.integration.test_bot_process import free_port
from tests.support.botapi import BotApi
from tests.support.stage_bot import acuerpa, telegram_config
from tests.support.world import ZONE

WORDS = "tres tristes tigres tragaban trigo"


async def command(*arguments: str, said: str = "") -> tuple[int, str]:
    """Run it and say something on its standard input: status, and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        *acuerpa(*arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate(said.encode())
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_nobody_is_served_until_the_passphrase_is_said(tmp_path: Path) -> None:
    heard: list[str] = []

    async def ping(request: web.Request) -> web.Response:
        heard.append(f"{request.path} {(await request.text()).strip()}")
        return web.Response()

    watcher = web.Application()
    watcher.router.add_post("/{path:.*}", ping)
    runner = web.AppRunner(watcher)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    api = await BotApi.start(tmp_path)
    config = tmp_path / "config.toml"
    door = tmp_path / "door"
    config.write_text(
        f'language = "es"\nzone = "{ZONE}"\n[database]\nurl = "{tmp_path / "acuerpa.db"}"\n'
        f'[keys]\npassphrase = true\nsocket = "{door}"\n'
        f'[watch]\nurl = "http://127.0.0.1:{port}/w"\n' + telegram_config(api),
        encoding="utf-8",
    )
    here = ("--config", str(config))

    status, out = await command("keys", "init", *here, "--passphrase", said="corta\n")
    assert (status, "at least 16" in out) == (1, True)
    status, out = await command("keys", "init", *here, "--passphrase", said=f"{WORDS}\n")
    assert status == 0, out
    status, out = await command("unlock", *here, said=f"{WORDS}\n")
    assert (status, "is the bot started" in out) == (1, True)

    log = tmp_path / "bot.log"
    with log.open("wb") as err:
        bot = await asyncio.create_subprocess_exec(*acuerpa("run", *here), stderr=err, stdout=err)
    try:
        stranger = await api.person("Ana")
        await stranger.writes("A" * 22)
        async with asyncio.timeout(30):
            while "/w/fail locked" not in heard:
                await asyncio.sleep(0.05)
        assert stat.S_IMODE(door.stat().st_mode) == 0o600
        assert await stranger.texts() == ["A" * 22]

        status, out = await command("unlock", *here, said="otras palabras que no son\n")
        assert (status, "does not open" in out) == (1, True)
        assert await stranger.texts() == ["A" * 22]
        status, out = await command("unlock", *here, said=f"{WORDS}\n")
        assert status == 0, out
        async with asyncio.timeout(30):
            while len(await stranger.texts()) < 2:
                await asyncio.sleep(0.05)
        assert not door.exists()
        status, out = await command("keys", "status", *here, said=f"{WORDS}\n")
        assert (status, "data key 1" in out) == (0, True), out
    finally:
        bot.terminate()
        await bot.wait()
        await api.stop()
        await runner.cleanup()
    words = log.read_text()
    assert WORDS not in words
    assert "Traceback" not in words
