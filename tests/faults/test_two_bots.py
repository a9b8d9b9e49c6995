"""Two processes of one installation: one acts, and the other one knows."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.botapi import BotApi
from tests.support.command import PATIENCE, Command
from tests.support.world import ZONE
from tests.support.zygote import Zygote

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = 60.0
"""A lease that nobody waits for in these stories."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def zygote() -> AsyncIterator[Zygote]:
    """The program, imported once for all these processes."""
    async with await Zygote.start() as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An installation's database, of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "acuerpa.db")
    return str(request.getfixturevalue("fresh_postgres"))


def configured(folder: Path, api: BotApi, url: str, lease: float, name: str = "config") -> Path:
    """A configuration file."""
    path = folder / f"{name}.toml"
    path.write_text(
        f'language = "es"\nzone = "{ZONE}"\n'
        f'[database]\nurl = "{url}"\n[keys]\nfile = "{folder / "acuerpa.key"}"\n'
        f"[fence]\nlease = {lease}\n"
        f'[telegram]\ntoken = "{api.token}"\nbase_url = "{api.url}"\n',
        encoding="utf-8",
    )
    return path


async def answers(api: BotApi) -> None:
    """Whoever acts handles what a stranger writes."""
    stranger = await api.person("Ana")
    await stranger.writes("A" * 22)
    async with asyncio.timeout(PATIENCE):
        while not any("invitación" in text for text in await stranger.texts()):
            await asyncio.sleep(0.05)


@asynccontextmanager
async def waiting_behind(zygote: Zygote, config: Path) -> AsyncIterator[tuple[Command, Command]]:
    """One that acts, and one that waits for its place."""
    async with Command.run(zygote, config) as first:
        await first.says("platform.ready")
        async with Command.run(zygote, config, "--standby") as second:
            await second.says("standby")
            yield first, second


async def first_to(what: Mapping[Command, Awaitable[object]]) -> Command:
    """The one whose wait is over first."""
    tasks = {asyncio.ensure_future(wait): command for command, wait in what.items()}
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*done)
    return tasks[done.pop()]


async def test_of_two_that_start_at_once_one_acts(zygote: Zygote, tmp_path: Path, url: str) -> None:
    async with await BotApi.start(tmp_path) as api:
        config = configured(tmp_path, api, url, lease=3)
        async with Command.run(zygote, config) as one, Command.run(zygote, config) as other:
            loser = await first_to({one: one.ends(), other: other.ends()})
            assert await loser.ends() == 1
            assert len(loser.lines) == 1, loser.words
            assert "another process acts" in loser.lines[0]
            await answers(api)


async def test_the_second_one_ends_with_one_line(zygote: Zygote, tmp_path: Path, url: str) -> None:
    async with await BotApi.start(tmp_path) as api:
        config = configured(tmp_path, api, url, lease=3)
        async with Command.run(zygote, config) as first:
            await first.says("platform.ready")
            async with Command.run(zygote, config) as second:
                assert await second.ends() == 1
                assert len(second.lines) == 1
                assert "another process acts" in second.lines[0]
                assert "--standby" in second.lines[0]
                assert "Traceback" not in second.words
            await answers(api)
            assert not first.ended


async def test_a_bot_that_was_stopped_leaves_its_place_at_once(
    zygote: Zygote, tmp_path: Path, url: str
) -> None:
    async with await BotApi.start(tmp_path) as api:
        config = configured(tmp_path, api, url, LONG)
        async with waiting_behind(zygote, config) as (first, second):
            first.signal(signal.SIGTERM)
            assert await first.ends() == 0
            assert first.lines == []
            assert "Traceback" not in first.words
            await second.says("platform.ready")
            await answers(api)


async def test_a_bot_that_is_busy_ends_when_it_is_told_to(
    zygote: Zygote, tmp_path: Path, url: str
) -> None:
    """In the middle of whatever it does, without a trace and without being waited for."""
    async with await BotApi.start(tmp_path) as api:
        config = configured(tmp_path, api, url, 3)
        people = [await api.person(f"Ana {n}") for n in range(10)]
        for delay in (0.0, 0.13):
            async with Command.run(zygote, config) as bot:
                await bot.says("platform.ready")

                async def chatter() -> None:
                    while True:
                        await asyncio.gather(*(person.writes("A" * 22) for person in people))
                        await asyncio.sleep(0.05)

                writing = asyncio.create_task(chatter())
                try:
                    await answers(api)
                    await asyncio.sleep(delay)
                    bot.signal(signal.SIGTERM)
                    assert await bot.ends() == 0
                    assert bot.lines == []
                    assert "Traceback" not in bot.words
                finally:
                    writing.cancel()
                    await asyncio.wait({writing})


async def test_a_bot_that_was_killed_is_replaced(zygote: Zygote, tmp_path: Path, url: str) -> None:
    async with await BotApi.start(tmp_path) as api:
        # On SQLite its lock tells that it is dead; on PostgreSQL only its silence does.
        config = configured(tmp_path, api, url, 2 if "://" in url else LONG)
        async with waiting_behind(zygote, config) as (first, second):
            first.signal(signal.SIGKILL)
            await second.says("platform.ready")
            await answers(api)


async def test_a_killed_bot_starts_again_without_waiting_for_standby(
    zygote: Zygote, tmp_path: Path, url: str
) -> None:
    """As systemd starts it: it must not take its own former life for somebody else's."""
    async with await BotApi.start(tmp_path) as api:
        config = configured(tmp_path, api, url, 2)
        async with Command.run(zygote, config) as first:
            await first.says("platform.ready")
            first.signal(signal.SIGKILL)
        async with Command.run(zygote, config) as again:
            await again.says("platform.ready")


async def test_on_sqlite_a_frozen_bot_is_ended(zygote: Zygote, tmp_path: Path) -> None:
    async with await BotApi.start(tmp_path) as api:
        config = configured(tmp_path, api, str(tmp_path / "acuerpa.db"), 2)
        async with waiting_behind(zygote, config) as (first, second):
            first.signal(signal.SIGSTOP)
            assert await first.ends() == -signal.SIGKILL
            await second.says("platform.ready")
            await answers(api)


async def test_on_postgresql_a_frozen_bot_comes_back_and_waits(
    zygote: Zygote, tmp_path: Path, fresh_postgres: str
) -> None:
    async with await BotApi.start(tmp_path) as api:
        config = configured(tmp_path, api, fresh_postgres, 2)
        async with (
            Command.run(zygote, config, "--standby") as first,
            Command.run(zygote, config, "--standby") as second,
        ):
            acting = await first_to({each: each.says("platform.ready") for each in (first, second)})
            if acting is second:
                first, second = second, first
            await second.says("standby")
            first.signal(signal.SIGSTOP)
            await second.says("platform.ready")
            first.signal(signal.SIGCONT)
            await first.says("standby", times=1 + first.words.count("event='standby'"))
            await answers(api)
            second.signal(signal.SIGTERM)
            assert await second.ends() == 0
            await first.says("acting", times=2)
            await answers(api)


async def test_two_installations_with_one_token_do_not_go_on(zygote: Zygote, tmp_path: Path) -> None:
    """Telegram says so (409): a copy of the database, or somebody who has the token."""
    async with await BotApi.start(tmp_path) as api:
        configs = [
            configured(tmp_path, api, str(tmp_path / f"{name}.db"), LONG, name)
            for name in ("one", "two")
        ]
        async with Command.run(zygote, configs[0]) as first:
            await first.says("platform.ready")
            async with Command.run(zygote, configs[1]) as second:
                ended = await first_to({each: each.ends() for each in (first, second)})
                assert await ended.ends() == 1
                assert len(ended.lines) == 1
                assert "another process polls this bot" in ended.lines[0]
                assert "Traceback" not in ended.words


async def test_whoever_waits_says_so_to_systemd(zygote: Zygote, tmp_path: Path) -> None:
    """Else systemd would end it, as a service that never gets ready."""
    notify = tmp_path / "notify"
    async with await BotApi.start(tmp_path) as api:
        config = configured(tmp_path, api, str(tmp_path / "acuerpa.db"), 2)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(str(notify))
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            async with Command.run(zygote, config) as first:
                await first.says("acting")
                standby = Command.run(
                    zygote, config, "--standby", environment={"NOTIFY_SOCKET": str(notify)}
                )
                async with standby as second:
                    said: list[str] = []

                    async def hear(until: Callable[[], bool]) -> None:
                        while not until():
                            said.append((await loop.sock_recv(sock, 4096)).decode())

                    async with asyncio.timeout(PATIENCE):
                        await hear(lambda: len(said) >= 3)  # again and again: its watchdog runs
                        assert set(said) == {"READY=1\nWATCHDOG=1\nSTATUS=standby"}
                        second.signal(signal.SIGTERM)
                        await hear(lambda: "STOPPING=1" in said)
                    assert await second.ends() == 0
