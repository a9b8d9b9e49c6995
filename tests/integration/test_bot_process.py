"""The real program in its process, against the Bot API server: what stories do not show."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from tests.support.botapi import BotApi
from tests.support.stage_bot import TelegramStage, acuerpa, base_config, telegram_config
from tests.support.steering import SteeredBot
from tests.support.world import START, World


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_platform_that_is_down_at_start_is_waited_for(tmp_path: Path) -> None:
    port = free_port()
    down = await BotApi.start(tmp_path, port=port)
    config = tmp_path / "config.toml"
    config.write_text(base_config(tmp_path) + telegram_config(down), encoding="utf-8")
    await down.stop()

    starting = asyncio.create_task(SteeredBot.start(config, tmp_path, START))
    log = tmp_path / "bot.log"
    async with asyncio.timeout(30):
        while not (log.exists() and "platform.down" in log.read_text()):
            await asyncio.sleep(0.05)
    api = await BotApi.start(tmp_path, port=port)
    bot = await starting
    stranger = await api.person("Ana")
    await stranger.writes("A" * 22)
    await bot.order("settle")
    assert any("Esta invitación no sirve" in text for text in await stranger.texts())
    await bot.stop()
    await api.stop()


async def test_a_revoked_token_ends_the_program_with_one_line(tmp_path: Path) -> None:
    api = await BotApi.start(tmp_path)
    await api.revoke()
    config = tmp_path / "config.toml"
    config.write_text(base_config(tmp_path) + telegram_config(api), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *acuerpa("run", "--config", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode == 1
    ours = [line for line in err.decode().splitlines() if line.startswith("acuerpa:")]
    assert len(ours) == 1
    assert "telegram.token" in ours[0]
    assert api.token not in out.decode() + err.decode()
    assert "Traceback" not in err.decode()
    await api.stop()


async def test_the_menu_is_set_in_each_language(tmp_path: Path) -> None:
    stage = await TelegramStage.open(tmp_path)
    scope = '{"type": "all_private_chats"}'
    for language, words in (("es", "pedir auxilio"), ("en", "call your network for help")):
        _, answer = await stage.api.call("getMyCommands", scope=scope, language_code=language)
        first = answer["result"][0]
        assert first["command"] == "auxilio"
        assert words in first["description"]
    await stage.close()


async def test_a_button_of_somebody_else_does_nothing(tmp_path: Path) -> None:
    world = World(await TelegramStage.open(tmp_path))
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await ana.asked_daily("09:00", more="sin avisos")
    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    question = (await ana.device.person.messages())[-1]
    theirs = (await berta.device.person.messages())[0]
    data = question.keyboard[0][0]["data"]

    await berta.device.person.presses(data=data, message_id=theirs.id, forged=True)
    await berta.device.person.presses(data="nonsense", message_id=theirs.id, forged=True)
    await world.stage.settle()
    assert "ya no está abierta" in str(await berta.device.person.toasts())
    await world.until("09:45")
    await group.coordinator.sees("Ana no respondió")  # Berta's press was not Ana's answer
    await berta.sees("Ana no respondió")
    await world.close()


async def test_an_operators_account_makes_a_group_in_chat(tmp_path: Path) -> None:
    api = await BotApi.start(tmp_path)
    olivia = await api.person("Olivia", language="es")
    config = tmp_path / "config.toml"
    config.write_text(
        f'operators = ["telegram:{olivia.id}"]\n' + base_config(tmp_path) + telegram_config(api),
        encoding="utf-8",
    )
    bot = await SteeredBot.start(config, tmp_path, START)
    await olivia.writes("/grupo Red")
    await bot.order("settle")
    texts = await olivia.texts()
    assert any("Grupo Red creado" in text for text in texts)
    secret = texts[-1]
    ana = await api.person("Ana", language="es")
    await ana.writes(f"/start {secret}")
    await ana.writes("/grupo Otra")
    await bot.order("settle")
    assert any("Invitación a Red" in text for text in await ana.texts())
    assert not any("Otra" in text for text in (await ana.texts())[2:])
    await bot.stop()
    await api.stop()
