"""Whether what was answered works: asked of the servers, once, and nothing is left behind there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import aiohttp

from bot.platforms.base import PlatformError
from bot.proxies import Proxy, connector

PATIENCE = 20.0
"""Seconds for finding a homeserver; three times as long through a proxy."""

CONNECT = 30.0


class Outcome(Enum):
    """What came of it."""

    WORKS = auto()
    REFUSED = auto()  # the server knows better
    UNREACHED = auto()  # nobody knows
    IN_USE = auto()  # a Matrix account with keys of somebody's app


@dataclass(frozen=True, slots=True)
class Tried:
    """`name` is the account's, where the server told it; `why` one line in English, without a secret."""

    outcome: Outcome
    name: str = ""
    why: str = ""


async def telegram(token: str, base_url: str | None, proxy: Proxy | None) -> Tried:
    """getMe."""
    from bot.platforms.telegram.platform import TelegramPlatform

    platform = TelegramPlatform(
        token=token, base_url=base_url, proxy=proxy, connect_timeout=CONNECT
    )
    try:
        return Tried(Outcome.WORKS, (await platform.look()).username)
    except PlatformError as error:
        return Tried(Outcome.REFUSED if error.final else Outcome.UNREACHED, why=str(error))


async def writers(token: str, base_url: str | None, proxy: Proxy | None) -> dict[str, str]:
    """Who wrote to the bot on Telegram: names by account; nobody where it cannot be reached."""
    from bot.platforms.telegram.platform import TelegramPlatform

    platform = TelegramPlatform(
        token=token, base_url=base_url, proxy=proxy, connect_timeout=CONNECT
    )
    try:
        return await platform.writers()
    except PlatformError:
        return {}


async def matrix(homeserver: str, user_id: str, password: str, proxy: Proxy | None) -> Tried:
    """Logs in, and out again."""
    from bot.platforms.matrix.session import Account
    from bot.platforms.matrix.standing import has_identity

    account = Account(
        homeserver=homeserver, user_id=user_id, password=password, proxy=proxy,
        store_path=Path(), pickle_key="00" * 32,  # nothing is opened
    )  # fmt: skip
    try:
        in_use = await has_identity(account)
    except PlatformError as error:
        return Tried(Outcome.REFUSED if error.final else Outcome.UNREACHED, why=str(error))
    return Tried(Outcome.IN_USE if in_use else Outcome.WORKS, user_id)


async def homeserver_of(user_id: str, proxy: Proxy | None) -> str:
    """Where the server of an account says that its homeserver is; else the server itself.

    Source: Matrix client-server API, "Well-known URIs", GET /.well-known/matrix/client.
    """
    server = user_id.partition(":")[2]
    total = PATIENCE if proxy is None else 3 * PATIENCE
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector(proxy), timeout=aiohttp.ClientTimeout(total=total)
            ) as session,
            session.get(f"https://{server}/.well-known/matrix/client") as answer,
        ):
            said = await answer.json(content_type=None)
            url = said["m.homeserver"]["base_url"]
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError, KeyError, TypeError):
        return f"https://{server}"
    return url.rstrip("/") if isinstance(url, str) else f"https://{server}"
