"""How many messages a homeserver lets the account write: tried out, in a room of its own.

It uses up what the bot itself may write for some seconds, so it is done when nothing happens.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

from bot.platforms.base import PlatformError
from bot.platforms.matrix import session
from bot.platforms.matrix.client import Client
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.secrets import AccountSecrets, SecretStore
from bot.platforms.matrix.session import Account
from bot.platforms.matrix.standing import asking, checked

MOST = 30
"""Events that are sent at the most: who is let so many is exempt, or as good as."""

LONGEST_WAIT = 60.0
"""Seconds."""

TYPE = "org.acuerpa.measure"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many events at once, and from then on about so many a second; None if no limit was met."""

    at_once: int
    per_second: float | None


async def measured(account: Account, facts: SecretStore) -> Rate:
    """With the bot's own session: limits are an account's. Raises `PlatformError`."""
    saved = await AccountSecrets(facts, account.user_id).get(session.KEPT_AS)
    if saved is None:
        raise PlatformError("matrix.per_second: there is no session yet: start the bot once")
    async with asking(account) as client:
        client.access_token = saved["access_token"]
        made = checked(
            await call(client, "POST", path("createRoom"), {"preset": "private_chat", "name": TYPE})
        )
        room = str(made.body.get("room_id", ""))
        try:
            return await _written(client, room)
        finally:
            for last in ("leave", "forget"):
                await call(client, "POST", path("rooms", room, last), {})


async def _written(client: Client, room: str) -> Rate:
    """A refusal says from when on one more is let through: between two such instants, as many leave as
    there is room for (Synapse fills its bucket evenly)."""
    clock = asyncio.get_running_loop().time
    at_once, taken, since = None, 0, 0.0
    for sent in range(MOST):
        wait = await _refused(client, room)
        if wait is None:
            taken += 1
            continue
        free = clock() + wait
        if at_once is not None and taken:
            return Rate(at_once, taken / (free - since))
        at_once, taken, since = sent if at_once is None else at_once, 0, free
        await asyncio.sleep(min(wait, LONGEST_WAIT))
    return Rate(MOST, None)


async def _refused(client: Client, room: str) -> float | None:
    """Send one. How many seconds the server wants quiet; None if it took it."""
    where = path("rooms", room, "send", TYPE, secrets.token_hex(8))
    answer = await call(client, "PUT", where, {})
    if answer.status != 429:
        checked(answer)
        return None
    wait = answer.body.get("retry_after_ms")
    if not isinstance(wait, int | float) or wait <= 0:
        raise PlatformError("matrix.per_second: the server has a limit, and does not say which")
    return float(wait) / 1000
