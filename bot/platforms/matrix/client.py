"""matrix-nio's client over a crypto store of ours, with what it keeps there kept whole or not at all.

nio writes each key as it comes, one commit after the other. A process that dies between two of them
has used up the message that brought a key and not kept the key: what was written with it could
never be read. And it publishes one-time keys before it keeps them: whoever used one of those could
never be understood. And it takes a key that was asked for from its own devices alone, not from the
device that made it. And it forgets with its process which messages it has seen, so that they could
be said again. And its way through a proxy leaves it to other libraries that nothing goes directly.
These are put right here, and nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout
from nio import (  # type: ignore[import-untyped]
    Api,
    AsyncClient,
    ForwardedRoomKeyEvent,
    KeysUploadError,
    KeysUploadResponse,
    Response,
)
from nio.crypto import Olm  # type: ignore[import-untyped]

from bot.platforms.base import PlatformError
from bot.platforms.matrix.store import CryptoStore, opened
from bot.proxies import Proxy, Through


class StoreFailed(Exception):
    """The crypto store did not keep what memory has by now: only a new client is right again."""


class Client(AsyncClient):  # type: ignore[misc]
    """nio's `AsyncClient`, safe to be killed at any point.

    `config` names the store's file, in `store_path`, and its key. Every connection is one of the proxy
    `through` which it goes, if one is given.
    """

    store: CryptoStore | None

    def __init__(self, *args: Any, through: Proxy | None = None, **kwargs: Any) -> None:
        self._through = through
        self._session: ClientSession | None = None
        super().__init__(*args, **kwargs)
        self._to_publish: dict[str, Any] | None = None

    @property
    def client_session(self) -> ClientSession | None:
        """What nio sends with. nio makes one where there is none; with a proxy, we do."""
        if self._session is None and self._through is not None:
            self._session = ClientSession(
                timeout=ClientTimeout(total=self.config.request_timeout),
                connector=Through(self._through),
            )
        return self._session

    @client_session.setter
    def client_session(self, session: ClientSession | None) -> None:
        self._session = session

    def load_store(self) -> None:
        """Open the crypto store and start encryption from it. Raises `PlatformError`."""
        if self.store is not None:
            return
        path = Path(self.store_path, self.config.store_name)
        store = opened(path, self.config.pickle_key, self.user_id, self.device_id)
        self.store = store
        self.olm = Olm(self.user_id, self.device_id, store)
        self.olm.message_index_store = store.seen_messages(
            self.olm.account.identity_keys["curve25519"]
        )
        self.encrypted_rooms = store.load_encrypted_rooms()
        self._accept_from_makers()

    def _accept_from_makers(self) -> None:
        olm = self.olm
        accepted_by_nio = olm._should_accept_forward

        def accepted(sender: str, sender_key: str, event: ForwardedRoomKeyEvent) -> bool:
            return accepted_by_nio(sender, sender_key, event) or _is_its_maker(
                olm, sender, sender_key, event
            )

        olm._should_accept_forward = accepted

    async def receive_response(self, response: Response) -> None:
        """Take in an answer of the server: all keys that are in it, or none.

        Where taking it in fails half-way, what was taken in is kept all the same: memory has it as
        well, and must not be ahead of the store.
        """
        if self.store is None:
            await super().receive_response(response)
            return
        try:
            # Nothing in it waits for the network, so nobody else writes into this transaction.
            with self.store.together():
                await super().receive_response(response)
        except PlatformError as error:
            raise StoreFailed(str(error)) from error

    async def keys_upload(self) -> KeysUploadResponse | KeysUploadError:
        """Publish one-time keys, and at first the device's keys, that are in the store already.

        After an answer that refuses, the same keys are tried again. After none at all, new ones:
        the server may have given out some of those meanwhile, and none may be given out twice.
        """
        if self._to_publish is None:
            content = self.olm.share_keys()
            # In the store they count as published from now on: after a crash nobody knows.
            self.olm.account.mark_keys_as_published()
            self.olm.save_account()
        else:
            content = self._to_publish
        self._to_publish = None
        method, path, data = Api.keys_upload(self.access_token, content)
        response = await self._send(KeysUploadResponse, method, path, data)
        if not isinstance(response, KeysUploadResponse):
            self._to_publish = content
        return response


def _is_its_maker(olm: Olm, sender: str, sender_key: str, event: ForwardedRoomKeyEvent) -> bool:
    """Whether we asked for this key, and the device that sends it says it made it itself.

    That is as good as the key sent unasked: nobody else can write as that device.
    """
    request = olm.outgoing_key_requests.get(event.session_id)
    device = olm.device_store.device_from_sender_key(sender, sender_key)
    if request is None or device is None:
        return False
    content = event.source["content"]
    return bool(
        (event.algorithm, event.room_id) == (request.algorithm, request.room_id)
        and content["sender_key"] == sender_key
        and content["sender_claimed_ed25519_key"] == device.ed25519
        and not content["forwarding_curve25519_key_chain"]
    )
