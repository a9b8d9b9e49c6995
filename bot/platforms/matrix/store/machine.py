"""nio's encryption with each of its steps stored whole or not at all.

By itself nio commits in the middle of a step. Killed between "this message was opened" and "the room
key in it is kept" it has lost that key for ever, because the message opens once only; with it, what
people write under that key.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nio import AsyncClient  # type: ignore[import-untyped]
from nio.crypto import Olm  # type: ignore[import-untyped]

from bot.platforms.matrix.store.opening import opened
from bot.platforms.matrix.store.sealed import CryptoStore


class Machine(Olm):  # type: ignore[misc]
    """Each method is nio's own; none of them awaits."""

    store: CryptoStore

    def handle_to_device_event(self, event: Any) -> Any:
        """A room key and the session that it came through."""
        with self.store.together():
            return super().handle_to_device_event(event)

    def handle_response(self, response: Any) -> None:
        """New sessions with many devices, or their keys."""
        with self.store.together():
            super().handle_response(response)

    def collect_key_requests(self) -> Any:
        """Room keys for the bot's other devices."""
        with self.store.together():
            return super().collect_key_requests()

    def share_group_session_parallel(self, *args: Any, **named: Any) -> Iterator[Any]:
        """A room key for many devices: each request is stored before it is given out."""
        requests = super().share_group_session_parallel(*args, **named)
        while True:
            with self.store.together():
                request = next(requests, None)
            if request is None:
                return
            yield request

    def share_keys(self) -> Any:
        """One-time keys, kept before they are published.

        In nio's order a crash in between leaves keys with the server that nobody can use, and the
        first messages that come through them cannot be opened.
        """
        content = super().share_keys()
        self.save_account()
        return content


class Client(AsyncClient):  # type: ignore[misc]
    """nio's client over our store; `config` names the file and the key."""

    store: CryptoStore | None

    def load_store(self) -> None:
        """Open the store and start encryption from it. Raises `PlatformError`."""
        if self.store is not None:
            return
        path = Path(self.store_path, self.config.store_name)
        store = opened(path, self.config.pickle_key, self.user_id, self.device_id)
        self.store = store
        self.olm = Machine(self.user_id, self.device_id, store)
        self.encrypted_rooms = store.load_encrypted_rooms()
