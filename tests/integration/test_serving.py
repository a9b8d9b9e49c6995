"""A monitor asks the running bot whether it lives, whether it is ready, and how much there is of what."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bot.metrics import Metrics, State
from tests.support.botapi import BotApi
from tests.support.command import PATIENCE, Command
from tests.support.rawbytes import forms
from tests.support.serving import Monitor, free_port, has_few_labels, reads_well
from tests.support.stage_bot import TelegramStage, base_config, telegram_config
from tests.support.steering import SteeredBot
from tests.support.world import START, World
from tests.support.zygote import Zygote

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def zygote() -> AsyncIterator[Zygote]:
    """The program, imported once for all these processes."""
    async with await Zygote.start() as made:
        yield made


def configured(folder: Path, api: BotApi, listen: str, more: str = "") -> Path:
    path = folder / "config.toml"
    path.write_text(
        base_config(folder)
        + telegram_config(api)
        + f'[watch]\ninterval = 0.2\n[http]\nlisten = "{listen}"\n{more}',
        encoding="utf-8",
    )
    return path


async def comes(to: Callable[[], object]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(aiohttp.ClientError):
                if await to():  # type: ignore[misc]
                    return
            await asyncio.sleep(0.05)


async def test_it_is_ready_once_it_was_audited_and_not_while_its_platform_is_down(
    zygote: Zygote, tmp_path: Path
) -> None:
    async with await BotApi.start(tmp_path) as api:
        monitor = Monitor(f"127.0.0.1:{free_port()}")
        config = configured(tmp_path, api, monitor.where)
        async with Command.run(zygote, config) as bot:

            async def ready() -> bool:
                return await monitor.why("ready") == (200, [])

            await comes(ready)
            assert await monitor.why("health") == (200, [])
            numbers = await monitor.numbers()
            assert numbers["acuerpa_acting"] == 1
            assert numbers['acuerpa_platform_up{platform="telegram"}'] == 1
            assert numbers["acuerpa_database_up"] == 1
            await api.stop()

            async def silent() -> bool:
                status, why = await monitor.why("ready")
                return status == 503 and "platform_silent:telegram" in why

            await comes(silent)
            assert (await monitor.why("health"))[0] == 200  # a restart would not help
            assert (await monitor.numbers())['acuerpa_platform_up{platform="telegram"}'] == 0
            bot.signal(signal.SIGTERM)
            assert await bot.ends() == 0


async def test_who_waits_for_its_turn_lives_and_is_not_ready(zygote: Zygote, tmp_path: Path) -> None:
    async with await BotApi.start(tmp_path) as api:
        first = configured(tmp_path, api, f"127.0.0.1:{free_port()}")
        async with Command.run(zygote, first) as one:
            await one.says("platform.ready")
            monitor = Monitor(str(tmp_path / "http.sock"))
            second = tmp_path / "second.toml"
            text = first.read_text("utf-8")
            second.write_text(re.sub('listen = ".*"', f'listen = "{monitor.where}"', text), "utf-8")
            async with Command.run(zygote, second, "--standby") as other:
                await other.says("standby")
                assert Path(monitor.where).stat().st_mode & 0o777 == 0o660
                assert await monitor.why("health") == (200, [])
                assert await monitor.why("ready") == (503, ["standby"])
                assert (await monitor.numbers())["acuerpa_acting"] == 0
                one.signal(signal.SIGTERM)

                async def ready() -> bool:
                    return await monitor.why("ready") == (200, [])

                await comes(ready)


async def test_a_locked_one_says_so(zygote: Zygote, tmp_path: Path) -> None:
    async with await BotApi.start(tmp_path) as api:
        monitor = Monitor(f"127.0.0.1:{free_port()}")
        config = configured(tmp_path, api, monitor.where)
        text = config.read_text("utf-8")
        config.write_text(
            text.replace("[keys]\n", f'[keys]\npassphrase = true\nsocket = "{tmp_path}/s"\n'), "utf-8"
        )
        async with Command.run(zygote, config) as bot:
            await bot.says("locked")
            assert await monitor.why("ready") == (503, ["locked"])
            assert await monitor.why("health") == (200, [])


async def test_a_place_that_is_taken_is_one_line(zygote: Zygote, tmp_path: Path) -> None:
    async with await BotApi.start(tmp_path) as api:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with Command.run(zygote, configured(tmp_path, api, f"127.0.0.1:{port}")) as bot:
            assert await bot.ends() == 1
            (line,) = bot.lines
            assert "http.listen" in line
            assert "Traceback" not in bot.words
        server.close()


# --- what the numbers say, and what they do not -----------------------------------------------------


async def test_a_story_is_counted_and_nobody_is_in_it(tmp_path: Path) -> None:
    """Names, numbers of accounts and chats, groups and words of a story are nowhere in the metrics."""
    api = await BotApi.start(tmp_path)
    await api.set_clock(int(START.timestamp()))
    monitor = Monitor(f"127.0.0.1:{free_port()}")
    config = configured(tmp_path, api, monitor.where)
    stage = TelegramStage(api, await SteeredBot.start(config, tmp_path, START), config)
    world = World(stage)
    group = await world.group("Jacaranda-Canaria")
    ana, berta = await group.joined("Xochiquetzal", "Tonantzin")
    await group.plan("ya: Tonantzin; repetir 10 min")
    await ana.asked_daily("09:00", grace="45 min", more="sin avisos")
    await world.until("09:46")
    await ana.sees("¿Estás bien?")
    await berta.sees("#1")
    await ana.writes("copal-y-huipil")
    await ana.reads_all()
    status, text = await monitor.text("metrics")
    assert status == 200
    said = text.encode()
    secrets = ["Jacaranda-Canaria", "Xochiquetzal", "Tonantzin", "Coral", "copal-y-huipil"]
    secrets += [str(p.device.person.id) for p in world.people]  # type: ignore[attr-defined]
    assert [word for word in secrets for form in forms(word) if form in said] == []
    assert "incidents" not in text  # how many there are, and when, is not said unless it is asked for

    numbers = await monitor.numbers()
    assert numbers['acuerpa_handled_events_total{platform="telegram",result="done"}'] > 10
    assert numbers['acuerpa_handled_events_total{platform="telegram",result="failed"}'] == 0
    sent = 'acuerpa_messages_total{lane="alarm",platform="telegram",result="sent"}'
    assert numbers[sent] >= 1
    assert numbers['acuerpa_accepted_delay_seconds_count{lane="alarm"}'] == numbers[sent]
    assert numbers["acuerpa_transaction_seconds_count"] > 50
    assert numbers["acuerpa_timer_late_seconds_count"] > 2
    assert numbers["acuerpa_loop_lag_seconds_count"] > 0
    reads_well(text)
    has_few_labels(text)
    await berta.reads_all()
    await group.coordinator.reads_all()
    await world.close()


async def test_what_an_audit_finds_is_told() -> None:
    metrics = Metrics([])
    metrics.registry.register(
        State(
            metrics, lambda: True, dict, lambda: None, lambda: None, backups=False, incidents=False
        )
    )  # fmt: skip
    await metrics.catching_up()
    assert metrics.audited is None
    await metrics.trouble(["platform_silent:telegram", "backup_old"])
    text = metrics.text().decode()
    assert 'acuerpa_audit_finding{finding="platform_silent",where="telegram"} 1.0' in text
    assert 'acuerpa_audit_finding{finding="backup_old",where=""} 1.0' in text
    assert "acuerpa_database_up 0.0" in text
    await metrics.well()
    assert "acuerpa_audit_finding{" not in metrics.text().decode()
