"""Olivia has the bot go through Tor: everything of a platform does, or nothing happens at all.

The names of the servers mean something to the proxy alone, as an onion service's do, and it connects
from an address that nobody else has. Whatever the bot's process tries to reach is written down.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from aiohttp_socks import ProxyConnector

from bot.following.fetching import Fetching
from bot.following.values import Fetched, Unreachable, Why
from bot.platforms.base import Attachment, File, PlatformError, Text
from bot.platforms.telegram import TelegramPlatform
from bot.proxies import Proxy, Through, connector, silence
from bot.watch import Monitor
from tests.support.botapi import BotApi
from tests.support.command import PATIENCE, Command
from tests.support.feed_server import FeedServer, atom
from tests.support.matrix_bot import MatrixBot
from tests.support.matrix_person import MatrixPerson
from tests.support.outside import Outside
from tests.support.sockets import LOG, reached
from tests.support.socks import SOURCE, Socks
from tests.support.stage_bot import base_config
from tests.support.synapse import Synapse
from tests.support.zygote import Zygote

API = "api.telegram.invalid"
HOME = "matrix.invalid"
ONION = f"{'a' * 56}.onion"


async def until(true: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.05)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def zygote() -> AsyncIterator[Zygote]:
    """What starts the program quickly."""
    async with await Zygote.start(matrix=True) as made:
        yield made


@asynccontextmanager
async def running(zygote: Zygote, folder: Path, config: str) -> AsyncIterator[Command]:
    """`acuerpa run`, whose every attempt at a connection is written down."""
    path = folder / "config.toml"
    path.write_text(base_config(folder) + config)
    noted = {LOG: str(folder / "sockets.log")}
    async with Command.run(zygote, path, environment=noted) as bot:
        yield bot


def nobody_but(proxy: Socks) -> set[tuple[str, str, int]]:
    return {("connect", "127.0.0.1", proxy.port)}


def telegram(api: BotApi, proxy: Socks) -> str:
    return (
        f'[telegram]\ntoken = "{api.token}"\nbase_url = "http://{API}:8081"\n'
        f'proxy = "{proxy.address}"\n'
    )


async def test_everything_of_telegram_goes_through_its_proxy(
    tmp_path: Path, zygote: Zygote
) -> None:
    """Also after the proxy was away for a while."""
    async with (
        await BotApi.start(tmp_path) as api,
        await Socks.start(tmp_path, {f"{API}:8081": api.port}) as proxy,
        running(zygote, tmp_path, telegram(api, proxy)) as bot,
    ):
        stranger = await api.person("Ana", language="es")
        await stranger.writes("A" * 22)
        await until(lambda: len(api.truth("message")) == 1)
        await proxy.down()
        await until(lambda: "platform.down" in bot.words)
        await stranger.writes("A" * 22)
        await proxy.up()
        await until(lambda: len(api.truth("message")) == 2)
        assert {line["peer"] for line in api.truth("request")} == {SOURCE}
        assert reached(tmp_path / "sockets.log") == nobody_but(proxy)
        asked = {(a["host"], a["kind"], a["as"]) for a in proxy.asked()}
        assert asked == {(API, "name", "acuerpa-telegram")}


async def test_nothing_starts_and_nobody_is_asked_while_the_proxy_is_down(
    tmp_path: Path, zygote: Zygote
) -> None:
    async with (
        await BotApi.start(tmp_path) as api,
        await Socks.start(tmp_path, {}) as proxy,
    ):
        await proxy.down()
        direct = telegram(api, proxy).replace(f"http://{API}:8081", api.url)  # it could be reached
        async with running(zygote, tmp_path, direct) as bot:
            assert await bot.ends() == 1
            (line,) = bot.words.splitlines()
            assert line.startswith(
                "acuerpa: telegram.proxy: cannot be reached (Connect call failed"
            )
            assert reached(tmp_path / "sockets.log") == nobody_but(proxy)
        assert api.truth("request") == []
        assert not (tmp_path / "acuerpa.db").exists()


async def test_one_platform_behind_a_silent_proxy_does_not_stop_the_other(
    tmp_path: Path, zygote: Zygote, synapse: Synapse
) -> None:
    async with (
        await BotApi.start(tmp_path) as api,
        await Socks.start(tmp_path, {}) as proxy,
    ):
        user_id, password = await synapse.register(f"bot-{os.urandom(4).hex()}")
        (tmp_path / "password").write_text(password)
        await proxy.down()
        config = (
            f'[telegram]\ntoken = "{api.token}"\nbase_url = "{api.url}"\n'
            f'[matrix]\nhomeserver = "{synapse.url}"\nuser_id = "{user_id}"\n'
            f'password_file = "{tmp_path / "password"}"\nstore = "{tmp_path / "store"}"\n'
            f'proxy = "{proxy.address}"\n'
        )
        async with running(zygote, tmp_path, config) as bot:
            stranger = await api.person("Ana", language="es")
            await stranger.writes("A" * 22)
            await until(lambda: len(api.truth("message")) == 1)
            assert "proxy.silent" in bot.words
        assert reached(tmp_path / "sockets.log") == nobody_but(proxy) | {
            ("connect", "127.0.0.1", api.port)
        }
        assert len(synapse.devices_of(user_id)) == 1  # the one of its registration


async def test_everything_of_matrix_goes_through_its_proxy(
    tmp_path: Path, synapse: Synapse
) -> None:
    """Signing in, keys, encrypted messages and files, both ways; on the real homeserver."""
    port = urlsplit(synapse.url).port
    assert port is not None
    async with await Socks.start(tmp_path, {f"{HOME}:8008": port}) as socks:
        user_id, password = await synapse.register(f"bot-{os.urandom(4).hex()}")
        bot = MatrixBot(synapse, user_id, password, tmp_path)
        proxy = Proxy.read(socks.address).apart("matrix")
        bot.platform = bot.new_platform(homeserver=f"http://{HOME}:8008", proxy=proxy)
        await bot.platform.start()
        await bot.pull()
        person = await MatrixPerson.join(synapse, f"ana-{os.urandom(4).hex()}")
        room = await person.opens_direct_room(user_id)
        await bot.pull(wait=1)
        await person.sync()
        await person.writes("hola")
        assert (await bot.receives(Text)).body == Text("hola")
        await bot.says(
            room, "¿Estás bien?", attachments=(Attachment("a.txt", "text/plain", b"words"),)
        )
        await person.sync_until_shown("¿Estás bien?")
        await person.sends_file(b"what was seen", "seen.txt")
        file = (await bot.receives(File)).body
        assert isinstance(file, File)
        assert await bot.platform.fetch(file.ref, 1000) == b"what was seen"
        asked = {(a["host"], a["kind"], a["as"], a["reply"]) for a in socks.asked()}
        assert asked == {(HOME, "name", "acuerpa-matrix", 0)}
        await until(lambda: synapse.addresses_of(user_id) != set())
        assert synapse.addresses_of(user_id) == {SOURCE}
        await socks.down()
        with pytest.raises(PlatformError):
            await bot.pull()
        await bot.platform.stop()
        with pytest.raises(PlatformError, match=r"and that matrix\.proxy leads there"):
            await bot.platform.start()
        await person.close()


async def test_the_watcher_is_pinged_through_its_proxy(tmp_path: Path) -> None:
    async with Outside.open() as outside:
        parts = urlsplit(outside.url)
        assert parts.port is not None
        async with await Socks.start(tmp_path, {"hc.invalid:80": parts.port}) as socks:
            proxy = Proxy.read(socks.address).apart("watch")
            monitor = Monitor(f"http://hc.invalid{parts.path}", proxy)
            await monitor.well()
            await monitor.trouble(["locked"])
            assert [ping.well for ping in outside.pings] == [True, False]
            assert outside.peers == {SOURCE}
            await socks.down()
            await Monitor(outside.url, proxy).well()  # raises nothing: who is not pinged says so
            assert len(outside.pings) == 2


async def test_a_feed_of_an_onion_service_is_read_through_tor(tmp_path: Path) -> None:
    async with FeedServer() as server:
        server.pages["/feed"] = atom(("Una", "x"))
        port = urlsplit(server.url).port
        assert port is not None
        async with await Socks.start(tmp_path, {f"{ONION}:80": port}) as socks:
            proxy = Proxy.read(socks.address).apart("following")
            fetching = Fetching(proxy=proxy, total=3)
            found = await fetching.fetch(f"http://{ONION}/feed")
            assert isinstance(found, Fetched)
            assert server.peers == {SOURCE}
            asked = [(a["host"], a["kind"], a["as"]) for a in socks.asked()]
            assert asked == [(ONION, "name", "acuerpa-following")]
            await socks.down()
            unreached = Fetching(proxy=proxy, total=3, loopback=True)
            assert await unreached.fetch(f"{server.url}/feed") == Unreachable(Why.CONNECTION)
            assert len(server.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/feed", "https://[::1]/feed", "https://intranet/feed", "https://nas.local/feed",
        "https://router.lan/feed", "https://localhost/feed", "https://x.localhost./feed",
    ],
)  # fmt: skip
async def test_a_proxy_is_not_asked_for_somebodys_own_network(tmp_path: Path, url: str) -> None:
    async with await Socks.start(tmp_path, {}) as socks:
        fetching = Fetching(proxy=Proxy.read(socks.address), total=3)
        assert await fetching.fetch(url) == Unreachable(Why.FORBIDDEN)
        assert await fetching.fetch("http://example.org/feed") == Unreachable(Why.ADDRESS)
        assert socks.asked() == []


async def test_a_proxy_may_ask_for_a_name(tmp_path: Path) -> None:
    async with (
        await BotApi.start(tmp_path) as api,
        await Socks.start(tmp_path, {f"{API}:80": api.port}, name="ana", password="p:w/d") as socks,
    ):
        for name, why in (("", "wants a name and a password"), ("ana:p%3Aw%2Fd@", None)):
            proxy = Proxy.read(socks.address.replace("//", f"//{name}"))
            assert (await silence(proxy) or "").startswith(why or "")
        for password, reached_it in (("wrong", False), ("p:w/d", True)):
            platform = TelegramPlatform(
                token=api.token, base_url=f"http://{API}",
                proxy=Proxy("127.0.0.1", socks.port, "ana", password).apart("telegram"),
            )  # fmt: skip
            if reached_it:
                await platform.start()
            else:
                with pytest.raises(PlatformError) as caught:
                    await platform.start()
                assert "wrong" not in str(caught.value)
            await platform.stop()
        assert {asked["as"] for asked in socks.asked()} == {"ana"}


async def test_what_is_no_proxy_is_told_from_one(tmp_path: Path) -> None:
    async with await BotApi.start(tmp_path) as api, await Socks.start(tmp_path, {}) as socks:
        assert await silence(Proxy("127.0.0.1", socks.port)) is None
        assert await silence(Proxy("127.0.0.1", api.port)) == "is no SOCKS5 proxy"
        assert await silence(Proxy("proxy.invalid", 1)) == "has a name that is not known"

    async def mute(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await silence(Proxy("127.0.0.1", port), patience=0.1) == "does not answer"
    server.close()


async def test_a_library_that_forgets_the_proxy_gets_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiohttp-socks takes the place of a method of aiohttp's that another version may call otherwise."""
    monkeypatch.setattr(
        ProxyConnector, "_wrap_create_connection", aiohttp.TCPConnector._wrap_create_connection
    )
    async with FeedServer() as server, await Socks.start(tmp_path, {}) as socks:
        async with aiohttp.ClientSession(connector=connector(Proxy.read(socks.address))) as session:
            with pytest.raises(
                aiohttp.ClientConnectorError, match="a direct connection is not allowed"
            ):
                await session.get(server.url)
        assert server.asked == []
        assert isinstance(Through(Proxy.read(socks.address)), aiohttp.TCPConnector)


async def test_what_goes_wrong_behind_a_proxy_is_what_aiohttp_says_of_it(tmp_path: Path) -> None:
    """Whoever asks knows aiohttp's errors alone."""
    async with FeedServer() as server:
        port = urlsplit(server.url).port
        assert port is not None
        routes = {"here.invalid:443": port, "closed.invalid:443": 1}
        async with await Socks.start(tmp_path, routes) as socks:
            for host in ("here.invalid", "closed.invalid", "nowhere.invalid"):
                through = connector(Proxy.read(socks.address))
                async with aiohttp.ClientSession(connector=through) as session:
                    with pytest.raises(aiohttp.ClientConnectorError) as caught:
                        await session.get(f"https://{host}/")  # the one that answers knows no TLS
                    tls = isinstance(caught.value, aiohttp.ClientConnectorSSLError)
                    assert tls is (host == "here.invalid")
