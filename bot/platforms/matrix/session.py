"""Signing in so that a restart is the same device, with its keys published and signed."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from nio import (  # type: ignore[import-untyped]
    AsyncClient,
    AsyncClientConfig,
    KeysUploadResponse,
    LoginResponse,
    WhoamiResponse,
)

from bot.platforms.base import PlatformError, Result
from bot.platforms.matrix import cross_signing
from bot.platforms.matrix.client import Client
from bot.platforms.matrix.cross_signing import Own
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.marks import StoreMark
from bot.platforms.matrix.outcome import SOFT_LOGOUT, of_response
from bot.platforms.matrix.secrets import AccountSecrets
from bot.proxies import Proxy

KEPT_AS = "session"
"""Among the account's secrets: access token and device id."""

STORE_FILE = "crypto.db"
"""In the store's folder."""

_TIMEOUT = 20  # seconds for a request
_TIMEOUT_THROUGH_A_PROXY = 60  # Tor may have to build a way first


@dataclass(frozen=True, slots=True)
class Account:
    """Who the bot is on Matrix: a password, or an access token with its device id."""

    homeserver: str
    user_id: str
    store_path: Path
    pickle_key: str = field(repr=False)
    password: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    device_id: str | None = None
    proxy: Proxy | None = None

    def check(self) -> None:
        """Refuse what can never work, by the setting's name."""
        if not re.fullmatch(r"https?://[^/?#\s]+/?", self.homeserver):
            raise PlatformError(
                "matrix.homeserver: must be an address such as https://matrix.example.org",
                final=True,
            )
        if not re.fullmatch(r"@[^:\s]+:\S+", self.user_id):
            raise PlatformError(
                "matrix.user_id: must be a full id such as @acuerpa:example.org", final=True
            )
        if not re.fullmatch(r"[0-9a-f]{64}", self.pickle_key):
            raise PlatformError(
                "matrix.store: its key must be 32 bytes in hexadecimal digits", final=True
            )


async def sign_in(
    account: Account, secrets: AccountSecrets, mark: StoreMark
) -> tuple[AsyncClient, Own]:
    """A client signed in, its device's keys published and cross-signed; and what it is to others.

    Raises `PlatformError` and nothing else.
    """
    account.check()
    client: AsyncClient | None = None
    try:
        client = await _signed_in(account, secrets, mark)
        own = await cross_signing.ensure(client, secrets, account.password)
        # nio would answer comparisons of keys by itself, wrongly, and end those that we answer.
        client.olm.handle_key_verification = lambda _: None
    except BaseException as error:
        if client is not None:
            await close(client)
        if isinstance(error, aiohttp.ClientError | TimeoutError | OSError):
            raise unreachable(account, error) from error
        raise
    return client, own


async def close(client: AsyncClient) -> None:
    """Close connections and the crypto store; safe to call twice."""
    await client.close()
    if client.store is not None:
        client.store.close()


async def _signed_in(account: Account, secrets: AccountSecrets, mark: StoreMark) -> AsyncClient:
    saved = await secrets.get(KEPT_AS)
    if saved is None and account.access_token and account.device_id:
        saved = {"access_token": account.access_token, "device_id": account.device_id}
    if saved is None:
        if not account.password:
            raise PlatformError(
                "matrix.password_file: set it; the bot's first start needs its account's password",
                final=True,
            )
        return await _log_in(account, secrets, mark, device_id="")

    client = _client(account)
    try:
        _open_store(client, account, saved["device_id"], saved["access_token"])
        keep_device = await _still_valid(client, account)
        ours = await mark.is_ours()
        if keep_device is None:
            usable = ours and not await _has_other_keys(client) and await _publish_keys(client)
            if usable:
                await mark.renew()
                return client
            # The crypto store was lost, or is an earlier copy. A device must never change its keys
            # (readers would refuse it): leave it behind and be a new one.
            await call(client, "POST", path("logout"), {})
        elif not ours:
            keep_device = ""
    except BaseException:
        await close(client)
        raise
    await close(client)
    if not account.password:
        raise PlatformError(
            "matrix.password_file: the bot's session ended or its crypto store is lost, and"
            " without the password it cannot log in again; set it",
            final=True,
        )
    return await _log_in(account, secrets, mark, device_id=keep_device or "")


def timeout(account: Account) -> int:
    """Seconds for a request."""
    return _TIMEOUT if account.proxy is None else _TIMEOUT_THROUGH_A_PROXY


def unreachable(account: Account, error: Exception) -> PlatformError:
    """What there is to do where no answer came."""
    way = "" if account.proxy is None else ", and that matrix.proxy leads there"
    return PlatformError(
        f"matrix.homeserver: cannot be reached ({type(error).__name__}); check the address and that "
        f"the server is up{way}",
        final=isinstance(error, aiohttp.InvalidURL),
    )


def wrong_password() -> PlatformError:
    """What there is to do where the server does not take it."""
    return PlatformError(
        "matrix.password_file: the homeserver refuses the password of matrix.user_id; correct either",
        final=True,
    )


def _client(account: Account, device_id: str = "") -> AsyncClient:
    config = AsyncClientConfig(
        store=None,  # ours instead: see `bot.platforms.matrix.store`
        store_name=STORE_FILE,
        store_sync_tokens=False,
        pickle_key=account.pickle_key,
        request_timeout=timeout(account),
        # Errors come to us at once: the engine decides about trying again.
        max_limit_exceeded=0,
        max_timeouts=0,
    )
    return Client(
        account.homeserver.rstrip("/"),
        account.user_id,
        device_id=device_id,
        store_path=str(account.store_path),
        config=config,
        through=account.proxy,
    )


def _open_store(client: AsyncClient, account: Account, device_id: str, token: str) -> None:
    try:
        client.restore_login(account.user_id, device_id, token)
    except PlatformError:
        raise
    except Exception as error:
        raise _closed_store(error) from error


def _closed_store(error: Exception) -> PlatformError:
    return PlatformError(
        f"matrix.store: the crypto store cannot be opened ({type(error).__name__}); check"
        " that the key file is the one it was made with and that the folder can be written",
        final=True,
    )


async def _log_in(
    account: Account, secrets: AccountSecrets, mark: StoreMark, device_id: str
) -> AsyncClient:
    client = _client(account, device_id)
    try:
        response = await client.login(account.password, device_name="Acuerpa")
    except (aiohttp.ClientError, TimeoutError, OSError, PlatformError):
        await close(client)
        raise
    except Exception as error:
        await close(client)
        raise _closed_store(error) from error
    if isinstance(response, LoginResponse):
        await secrets.set(
            KEPT_AS, {"access_token": client.access_token, "device_id": client.device_id}
        )
        try:
            if not await _publish_keys(client):
                raise PlatformError("matrix.homeserver: it refuses the device's keys")
            await mark.renew()
        except BaseException:
            await close(client)
            raise
        return client
    await close(client)
    receipt = of_response(response)
    if receipt.result is Result.BLOCKED:
        raise wrong_password()
    if receipt.result is Result.LIMITED:
        raise PlatformError("matrix.homeserver: too many logins; wait some minutes")
    raise PlatformError(f"matrix.homeserver: logging in failed ({receipt.reason})")


async def _still_valid(client: AsyncClient, account: Account) -> str | None:
    """None if the session works; else the device to log in as again, "" for a new one."""
    response = await client.whoami()
    if isinstance(response, WhoamiResponse):
        if response.user_id != account.user_id:
            raise PlatformError(
                "matrix.user_id: the access token belongs to another account", final=True
            )
        return None
    receipt = of_response(response)
    if receipt.reason == SOFT_LOGOUT:
        return str(client.device_id)  # the server keeps the device and its keys
    if receipt.result is Result.REVOKED:
        return ""
    raise PlatformError(f"matrix.homeserver: checking the session failed ({receipt.reason})")


async def _has_other_keys(client: AsyncClient) -> bool:
    served = await _served_device(client)
    own = client.olm.account.identity_keys["ed25519"]
    if served is None:
        # Never uploaded, or gone from the server: nio has to upload them (again).
        client.olm.account.shared = False
        return False
    return bool(served != own)


async def _served_device(client: AsyncClient) -> str | None:
    body = {"device_keys": {client.user_id: [client.device_id]}}
    answer = await call(client, "POST", path("keys", "query"), body)
    if not answer.ok:
        raise PlatformError(
            f"matrix.homeserver: querying the bot's keys failed: {answer.status} {answer.errcode}"
        )
    device = answer.body.get("device_keys", {}).get(client.user_id, {}).get(client.device_id, {})
    key = device.get("keys", {}).get(f"ed25519:{client.device_id}")
    return key if isinstance(key, str) else None


async def _publish_keys(client: AsyncClient) -> bool:
    """False if the server holds others under the same names: our store is an earlier copy."""
    if not client.should_upload_keys:
        return True
    async with asyncio.timeout(client.config.request_timeout):
        response = await client.keys_upload()
    if are_used(response):
        return False
    if not isinstance(response, KeysUploadResponse):
        reason = of_response(response).reason
        raise PlatformError(f"matrix.homeserver: publishing the device's keys failed ({reason})")
    return True


def are_used(response: object) -> bool:
    """Whether an upload of one-time keys was refused for good: their names are taken by others.

    So Synapse answers when keys come from an earlier copy of the store; it has no code of its own.
    """
    transport = getattr(response, "transport_response", None)
    return getattr(transport, "status", 0) == 400
