"""How the bot's account stands at its homeserver, seen without being the bot.

Nothing is changed, no message is fetched, no key is used. Where the bot has no session yet, its
password is tried, and the device that this makes is gone again at the end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto

import aiohttp
from nio import AsyncClientConfig  # type: ignore[import-untyped]

from bot.platforms.base import PlatformError
from bot.platforms.matrix import cross_signing, session
from bot.platforms.matrix.client import Client
from bot.platforms.matrix.cross_signing import Identity
from bot.platforms.matrix.http import Answer, call, path
from bot.platforms.matrix.secrets import AccountSecrets, SecretStore
from bot.platforms.matrix.session import STORE_FILE, Account, timeout

VERSIONS = "/_matrix/client/versions"

DEVICE_NAME = "Acuerpa (check)"


class Session(Enum):
    """The bot's session."""

    NONE = auto()  # there is none yet, or nobody said which
    VALID = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Standing:
    """`identity`: the server gives the cross-signing keys that are the bot's. `signed`: and they have
    signed its device. `store`: the device's keys are in their folder."""

    session: Session
    identity: bool = False
    signed: bool = False
    store: bool = False


async def look(account: Account, facts: SecretStore | None) -> Standing:
    """`facts` has the bot's session. Raises `PlatformError`, which names the setting."""
    saved, seeds = await _kept(account, facts)
    async with asking(account) as client:
        checked(await call(client, "GET", VERSIONS))
        if saved is None:
            if facts is not None and account.password:
                async with logged_in(client, account):
                    pass
            return Standing(Session.NONE)
        client.access_token = saved["access_token"]
        who = await call(client, "GET", path("account", "whoami"))
        if who.status == 401:
            return Standing(Session.ENDED)
        checked(who)
        if who.body.get("user_id") != account.user_id:
            raise PlatformError(
                "matrix.user_id: the bot's session is of another account", final=True
            )
        asked: dict[str, dict[str, list[str]]] = {"device_keys": {account.user_id: []}}
        keys = checked(await call(client, "POST", path("keys", "query"), asked))
    store = (account.store_path / STORE_FILE).exists()
    if seeds is None:
        return Standing(Session.VALID, store=store)
    own = Identity.from_seeds(account.user_id, seeds)
    master = keys.body.get("master_keys", {}).get(account.user_id, {}).get("keys", {})
    devices = keys.body.get("device_keys", {}).get(account.user_id, {})
    device = devices.get(saved["device_id"])
    return Standing(
        Session.VALID,
        identity=own.public("master") in master.values(),
        signed=isinstance(device, dict) and own.has_signed(device),
        store=store,
    )


async def _kept(
    account: Account, facts: SecretStore | None
) -> tuple[dict[str, str] | None, dict[str, str] | None]:
    """The session and the seeds of the cross-signing keys, as far as there are any."""
    if facts is None:
        return None, None
    secrets = AccountSecrets(facts, account.user_id)
    return await secrets.get(session.KEPT_AS), await secrets.get(cross_signing.KEPT_AS)


async def has_identity(account: Account) -> bool:
    """Whether an account already has cross-signing keys, which are then somebody else's than the bot's.

    Logs in and out. Raises `PlatformError`, which names the setting.
    """
    async with asking(account) as client:
        checked(await call(client, "GET", VERSIONS))
        async with logged_in(client, account):
            asked: dict[str, dict[str, list[str]]] = {"device_keys": {account.user_id: []}}
            keys = checked(await call(client, "POST", path("keys", "query"), asked))
    return bool(keys.body.get("master_keys", {}).get(account.user_id))


@asynccontextmanager
async def asking(account: Account) -> AsyncIterator[Client]:
    """A client without keys or store, for a few requests. Raises `PlatformError`."""
    account.check()
    client = Client(
        account.homeserver.rstrip("/"),
        account.user_id,
        config=AsyncClientConfig(request_timeout=timeout(account)),
        through=account.proxy,
    )
    try:
        yield client
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise session.unreachable(account, error) from error
    finally:
        await client.close()


@asynccontextmanager
async def logged_in(client: Client, account: Account) -> AsyncIterator[None]:
    """With a device of our own, which is gone afterwards. Raises `PlatformError`.

    Source: Matrix client-server API, POST /_matrix/client/v3/login and /logout.
    """
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": account.user_id},
        "password": account.password,
        "initial_device_display_name": DEVICE_NAME,
    }
    answer = await call(client, "POST", path("login"), body)
    if answer.status in (401, 403):
        raise session.wrong_password()
    checked(answer)
    client.access_token = answer.body.get("access_token", "")
    try:
        yield
    finally:
        await call(client, "POST", path("logout"), {})
        client.access_token = None


def checked(answer: Answer) -> Answer:
    """The answer, if it is one. Raises `PlatformError`."""
    if answer.status == 429:
        raise PlatformError("matrix.homeserver: it wants quiet: wait some minutes, and try again")
    if not answer.ok:
        why = f"{answer.status} {answer.errcode}".strip()
        raise PlatformError(
            f"matrix.homeserver: does not answer as one ({why}): correct it, or look at its log"
        )
    return answer
