"""The bot's Matrix platform as a test drives it: an engine's patience without an engine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from bot.domain.rich import Rich
from bot.platforms.base import Body, Incoming, Operation, Outgoing, Receipt, Result
from bot.platforms.matrix import MatrixPlatform
from tests.support.synapse import Synapse

_PATIENCE = 20.0


class MemorySecrets:
    """A `SecretStore` that outlives a `MatrixPlatform`, as the database does."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def get(self, name: str) -> bytes | None:
        """What was set."""
        return self.kept.get(name)

    async def set(self, name: str, value: bytes) -> None:
        """Keep it."""
        self.kept[name] = value


class People:
    """`Acquaintances` whose answers a test sets: everyone is known unless `strangers` names them."""

    def __init__(self) -> None:
        self.strangers: set[str] = set()
        self.invitations = 0

    async def known(self, account: str) -> bool:
        """Whether the account is no stranger."""
        return account not in self.strangers

    async def expected(self) -> int:
        """As many as the test gave out."""
        return self.invitations


class MatrixBot:
    """A platform with its account, store and cursor, which can be restarted."""

    def __init__(self, synapse: Synapse, user_id: str, password: str, folder: Path) -> None:
        self.synapse = synapse
        self.user_id = user_id
        self.password = password
        self.folder = folder
        self.secrets = MemorySecrets()
        self.people = People()
        self.cursor: str | None = None
        self.incoming: list[Incoming] = []
        self._ids: set[str] = set()
        self.platform = self.new_platform()

    @classmethod
    async def started(cls, synapse: Synapse, folder: Path, name: str = "") -> MatrixBot:
        """A bot with a fresh account, started and synced once."""
        user_id, password = await synapse.register(name or f"bot{uuid4().hex[:8]}")
        bot = cls(synapse, user_id, password, folder)
        await bot.platform.start()
        await bot.pull()
        return bot

    @property
    def device_id(self) -> str:
        """The device that it is now."""
        return str(self.platform._live.client.device_id)  # type: ignore[union-attr]

    def new_platform(self, **changed: Any) -> MatrixPlatform:
        """A platform over this account's store and secrets."""
        settings: dict[str, Any] = {
            "homeserver": self.synapse.url,
            "user_id": self.user_id,
            "password": self.password,
            "store_path": self.folder,
            "pickle_key": "5e" * 32,
            "secrets": self.secrets,
            "acquaintances": self.people,
            "now": lambda: datetime.now(UTC),
        }
        return MatrixPlatform(**{**settings, **changed})

    async def restart(self) -> None:
        """As after a crash: a new platform over what is on disk."""
        await self.platform.stop()
        self.platform = self.new_platform()
        await self.platform.start()

    async def decides(self, report: Incoming, decision: str) -> Receipt:
        """Carry out a decision that a report offered."""
        return await self.platform.send(
            Outgoing(uuid4().hex, report.account, Operation.DECIDE, target=decision)
        )

    @contextmanager
    def hears(self, part: str, change: Callable[[Any], Any]) -> Iterator[None]:
        """Meanwhile, answers of the homeserver to paths with `part` are changed on their way."""
        client = self.platform._live.client  # type: ignore[union-attr]
        send = client.send

        async def forging(method: str, where: str, *more: Any, **named: Any) -> Any:
            response = await send(method, where, *more, **named)
            if part in where:
                changed = change(json.loads(await response.read()))
                response._body = json.dumps(changed).encode()
            return response

        client.send = forging
        try:
            yield
        finally:
            client.send = send

    async def pull(self, wait: float = 0) -> list[Incoming]:
        """One `receive`, stored as the inbox would: unique by event id."""
        batch = await self.platform.receive(self.cursor, wait)
        self.cursor = batch.cursor
        new = []
        for event in batch.events:
            if event.event_id in self._ids:
                continue
            self._ids.add(event.event_id)
            incoming = self.platform.parse(event)
            if incoming is not None:
                new.append(incoming)
        self.incoming += new
        return new

    async def receives(
        self, body: type[Body], where: Callable[[Incoming], bool] = lambda _: True
    ) -> Incoming:
        """The first incoming event with such a body, waiting up to 20 seconds of real time."""
        until = time.monotonic() + _PATIENCE
        while True:
            for index, incoming in enumerate(self.incoming):
                if isinstance(incoming.body, body) and where(incoming):
                    return self.incoming.pop(index)
            if time.monotonic() > until:
                raise AssertionError(f"no {body.__name__} in {self.incoming}")
            await self.pull(wait=1)

    async def says(self, chat: str, text: str, **more: Any) -> str:
        """Send a text and give its message id."""
        receipt = await self.sends(chat, text, **more)
        assert receipt.result is Result.SENT, receipt
        return receipt.message_id

    async def sends(
        self,
        chat: str,
        text: str | Rich = "",
        *,
        operation: Operation = Operation.SEND,
        key: str = "",
        **more: Any,
    ) -> Receipt:
        """One attempt, under a fresh key unless one is given."""
        rich = Rich.of(text) if isinstance(text, str) else text
        return await self.platform.send(
            Outgoing(key or uuid4().hex, chat, operation, text=rich, **more)
        )
