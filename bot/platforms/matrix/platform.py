"""Matrix as a `Platform`: everything end-to-end encrypted, over matrix-nio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nio import AsyncClient, DummyEvent  # type: ignore[import-untyped]

from bot.domain.rich import Rich
from bot.platforms.base import (
    Acquaintances,
    Batch,
    Command,
    FileTooLarge,
    Incoming,
    Limits,
    Operation,
    Outgoing,
    PlatformError,
    PlatformName,
    RawEvent,
    Receipt,
    Result,
)
from bot.platforms.matrix import parse, session
from bot.platforms.matrix.behind import Cursors
from bot.platforms.matrix.comparing import Comparisons
from bot.platforms.matrix.cross_signing import Own
from bot.platforms.matrix.decisions import Decisions
from bot.platforms.matrix.devices import Devices
from bot.platforms.matrix.direct import DirectRooms
from bot.platforms.matrix.fetching import download
from bot.platforms.matrix.guard import Guard
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.identities import Identities
from bot.platforms.matrix.joining import Joining
from bot.platforms.matrix.late import LateKeys
from bot.platforms.matrix.marks import StoreMark
from bot.platforms.matrix.outcome import of_exception, refused
from bot.platforms.matrix.proof import Proof
from bot.platforms.matrix.receiving import Receiver, SessionEnded
from bot.platforms.matrix.reports import Reports
from bot.platforms.matrix.rooms import Rooms
from bot.platforms.matrix.secrets import AccountSecrets, SecretStore
from bot.platforms.matrix.sending import Sender
from bot.platforms.matrix.sharing import Sharing
from bot.platforms.matrix.upgrades import Upgrades
from bot.proxies import Proxy

# For an account that its server exempts from limits. Synapse's default for an ordinary account is
# 0.2 messages a second after a burst of 10: give other limits, or have the account exempted.
_LIMITS = Limits(per_second=10, per_chat=5, per_group=5, concurrency=4)

_SEND_TIMEOUT = 120.0  # seconds for one message with its keys and files
_MARK_EVERY = timedelta(hours=1)  # an older copy of the crypto store is noticed as one


@dataclass(frozen=True, slots=True)
class _Live:
    """What exists between start and stop."""

    client: AsyncClient
    receiver: Receiver
    sender: Sender
    decisions: Decisions


class MatrixPlatform:
    """Carries messages on Matrix; see `bot.platforms.base.Platform`.

    `homeserver`: base URL. `user_id`: full id. `password`, or `access_token` with `device_id`, is
    used at the first start; after it the session is in `secrets`. `store_path`: folder of the
    crypto store, sealed under `pickle_key`, which is 32 bytes in hexadecimal digits.
    `acquaintances` tells who is let in. With a `proxy` everything goes through it. `now` gives the
    present in UTC.
    """

    name = PlatformName.MATRIX
    idempotent = True
    many_senders = False  # the keys of its device are in one place, and change with each message

    def __init__(
        self,
        *,
        homeserver: str,
        user_id: str,
        store_path: Path,
        pickle_key: str,
        secrets: SecretStore,
        acquaintances: Acquaintances,
        now: Callable[[], datetime],
        password: str | None = None,
        access_token: str | None = None,
        device_id: str | None = None,
        proxy: Proxy | None = None,
        limits: Limits = _LIMITS,
    ) -> None:
        self.limits = limits
        self._account = session.Account(
            homeserver=homeserver,
            user_id=user_id,
            store_path=store_path,
            pickle_key=pickle_key,
            password=password,
            access_token=access_token,
            device_id=device_id,
            proxy=proxy,
        )
        self._secrets = AccountSecrets(secrets, user_id)
        self._mark = StoreMark(store_path, self._secrets)
        self._marked_at = now()
        self._acquaintances = acquaintances
        self._now = now
        self._live: _Live | None = None
        # nio's warnings name people, rooms and devices, and its debug lines hold whole messages;
        # peewee's hold the crypto store's rows.
        for library in ("nio", "peewee"):
            logging.getLogger(library).setLevel(logging.CRITICAL + 1)

    async def start(self) -> None:
        """Sign in, publish and sign the device's keys. Raises `PlatformError`."""
        await self.stop()
        client, own = await session.sign_in(self._account, self._secrets, self._mark)
        self._marked_at = self._now()
        try:
            self._live = await self._set_up(client, own)
        except BaseException as error:
            await session.close(client)
            if isinstance(error, PlatformError) or not isinstance(error, Exception):
                raise
            receipt = of_exception(error)
            raise PlatformError(f"matrix.homeserver: starting failed ({receipt.reason})") from error

    async def _set_up(self, client: AsyncClient, own: Own) -> _Live:
        """Everything over a client that is signed in, with what is kept of it."""
        rooms = Rooms(client, self._secrets)
        await rooms.load()
        direct = DirectRooms(client, rooms)
        await direct.load()
        identities = Identities(self._secrets, self._acquaintances, self._account.pickle_key)
        await identities.load()
        devices = Devices(client, identities)
        sharing = Sharing(client, own, identities, self._acquaintances, self._now)
        # Whoever begins a session anew has lost the one in which the keys came.
        client.add_to_device_callback(sharing.give_again, DummyEvent)
        guard = Guard(client, rooms, devices, sharing, self._now)
        upgrades = Upgrades(client, rooms)
        joining = Joining(client, rooms, direct, upgrades, self._acquaintances, self._now)
        reports = Reports(identities, self._now)
        comparisons = Comparisons(
            client, own, devices, identities, guard, self._acquaintances, reports.add, self._now
        )
        proof = Proof(client, devices, identities)
        late = LateKeys(client, self._secrets, self._now)
        await late.load()
        receiver = Receiver(
            client,
            rooms,
            joining,
            upgrades,
            devices,
            proof,
            comparisons,
            reports,
            late,
            Cursors(self._account.pickle_key),
            self._now,
        )
        sender = Sender(client, rooms, direct, upgrades, guard)
        return _Live(client, receiver, sender, Decisions(identities, comparisons))

    async def receive(self, cursor: str | None, wait: float) -> Batch:
        """Events after `cursor`: see `bot.platforms.matrix.behind.Cursors`. Raises `PlatformError`."""
        await self._look_after_store()
        live = self._live or await self._started()
        try:
            return await live.receiver.receive(cursor, wait)
        except SessionEnded:
            live = await self._started()
            return await live.receiver.receive(cursor, 0.0)

    async def _started(self) -> _Live:
        await self.start()
        if self._live is None:
            raise PlatformError("matrix: stopped while it was starting")
        return self._live

    async def _look_after_store(self) -> None:
        """Be a new device where the store turned out to be an earlier copy; renew its mark."""
        if self._live is None:
            return
        if self._live.receiver.spoilt:
            await self._mark.spoil()
            await self.start()
        elif abs(self._now() - self._marked_at) > _MARK_EVERY:
            with suppress(PlatformError):  # the mark of before is as good, for a while
                await self._mark.renew()
            self._marked_at = self._now()

    def parse(self, event: RawEvent) -> Incoming | None:
        """Understand a stored event. Raises KeyError and the like for one not stored by us."""
        return parse.understand(event)

    async def send(self, message: Outgoing) -> Receipt:
        """Try once; see `bot.platforms.matrix.outcome` for what each failure means."""
        if message.operation is Operation.TOAST:
            return Receipt(Result.SENT)  # there are no buttons whose press could be acknowledged
        live = self._live
        try:
            if live is None:
                raise refused(Result.SERVER_ERROR, "not started")
            if not live.receiver.complete:
                # Before that nobody knows who is in the room and whether it is encrypted.
                raise refused(Result.SERVER_ERROR, "the rooms' state is not known yet")
            async with asyncio.timeout(_SEND_TIMEOUT):
                if message.operation is Operation.DECIDE:
                    return await live.decisions.carry_out(message)
                return await live.sender.send(message)
        except Exception as error:  # the contract: never raises
            return of_exception(error)

    async def fetch(self, ref: Mapping[str, Any], limit: int) -> bytes:
        """The content of a picture or a document, decrypted; see `Platform.fetch`."""
        live = self._live
        if live is None:
            raise PlatformError("matrix: not started")
        try:
            return await download(live.client, ref, limit)
        except (PlatformError, FileTooLarge):
            raise
        except Exception as error:
            receipt = of_exception(error)
            raise PlatformError(f"matrix: fetching a file failed ({receipt.reason})") from error

    async def publish_commands(self, commands: Mapping[str, tuple[Command, ...]]) -> None:
        """Matrix has no commands menu."""

    def messages_of(self, text: Rich, files: int) -> int:
        """The text in one event, however long, and each file in its own."""
        return 1 + files

    def invitation_link(self, secret: str) -> str | None:
        """None: a link to an account cannot hand over a secret; the person writes it instead."""
        return None

    async def sign_off(self) -> None:
        """All devices of the account lose their access and their keys at the server.

        Source: Matrix client-server API, POST /_matrix/client/v3/logout/all. Raises `PlatformError`.
        """
        live = self._live or await self._started()
        try:
            await call(live.client, "POST", path("logout", "all"), {})
        except Exception as error:
            receipt = of_exception(error)
            raise PlatformError(f"matrix: logging out failed ({receipt.reason})") from error

    async def stop(self) -> None:
        """Disconnect; safe to call twice."""
        live, self._live = self._live, None
        if live is not None:
            await live.receiver.stop()
            await session.close(live.client)
