"""An installation on a real Synapse: what is killed, who reads it, and what the server has.

People are real apps with encryption of their own. A group's members are told in the rooms of a few
of them, so that a few apps see what many members were told.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from bot.domain.people import Role
from handlers.invitations import invite
from storage.transaction import Transaction
from tests.proofs.killing import START, Lives, a_folder
from tests.support.matrix_person import MatrixPerson
from tests.support.stage_matrix import matrix_config
from tests.support.synapse import Synapse, Written
from tests.support.world import ZONE
from tests.support.zygote import AffineClock, Zygote


class MatrixInstallation(Lives):
    """The bot on a homeserver, and people in direct rooms with it.

    `homeserver` is where the bot finds it, if that is not where people do.
    """

    def __init__(
        self,
        zygote: Zygote,
        synapse: Synapse,
        folder: Path,
        speed: float,
        account: tuple[str, str],
        more: str = "",
        homeserver: str = "",
    ) -> None:
        self.user_id, self.password = account
        config = matrix_config(folder, synapse, self.user_id, self.password)
        if homeserver:
            config = config.replace(synapse.url, homeserver)
        super().__init__(zygote, folder, config + more, speed)
        self.synapse = synapse
        self.people: list[MatrixPerson] = []

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        zygote: Zygote,
        synapse: Synapse,
        speed: float,
        *,
        people: int,
        more: str = "",
        homeserver: str = "",
        dying: tuple[str, ...] = (),
    ) -> AsyncIterator[MatrixInstallation]:
        """A new one: the bot was started once, has joined the rooms of so many people, and died.

        `more` is added to the configuration. Before, it was started once for each of `dying`, and
        died at that point; "point*2" is the second time that it came there.
        """
        with a_folder() as folder:
            account = await synapse.register(f"bot{uuid4().hex[:8]}")
            made = cls(zygote, synapse, folder, speed, account, more, homeserver)
            try:
                for point in dying:
                    await made.die(point)
                await made._get_acquainted(people)
                yield made
            finally:
                await made.end()
                await asyncio.gather(*(person.close() for person in made.people))

    async def die(self, point: str) -> None:
        """One life that ends there."""
        name, _, times = point.partition("*")
        life = await self.live({name: int(times or 1)})
        await asyncio.wait({life.ended}, timeout=30)
        assert life.killed_at == name, (life.points[-5:], self.log())

    async def _get_acquainted(self, people: int) -> None:
        # A few minutes before the time begins: long enough to be over, short enough for no outage.
        speed = self.clock.speed
        self.clock = AffineClock(START - timedelta(minutes=3), time.time(), 1.0)
        async with self.seeding() as (tx, ctx):
            # A stranger is let in only while somebody new is expected.
            group = await tx.people.add_group("Puerta", "", "es", ZONE, START)
            await invite(ctx, group, frozenset())
        life = await self.live()
        for _ in range(people):
            person = await MatrixPerson.join(self.synapse, f"p{uuid4().hex[:10]}")
            self.people.append(person)
            # The account is there once the bot has signed in; an invitation before that waits.
            await person.opens_direct_room(self.user_id)
        ready = await self.until(self._everybody_is_here, 60)
        assert ready, (self.folder / "bot.log").read_text("utf-8", "replace")[-3000:]
        await asyncio.gather(*(person.sync() for person in self.people))
        await life.kill()
        self.kills.clear()
        self.clock = AffineClock(START, time.time(), speed)

    def _everybody_is_here(self) -> bool:
        try:
            rows = self.rows("SELECT chat FROM inbox WHERE state = 'done'")
        except (OSError, sqlite3.OperationalError):
            return False  # the bot has not made it yet
        here = {chat for (chat,) in rows}
        return {person.room for person in self.people} <= here

    async def member(
        self, tx: Transaction, group: int, name: str, where: MatrixPerson, *roles: Role
    ) -> int:
        """A member who is told in this person's room, under an address that nobody else has."""
        plan = (await tx.people.group(group)).plan
        id = await tx.people.add_member(group, name, "es", ZONE, roles, START, plan=plan)
        known = await tx.people.account("matrix", where.user_id)
        address = where.user_id if known is None else f"{where.user_id}#{id}"
        await tx.people.add_account(id, "matrix", address, where.room, START)
        return id

    # --- the truth ---

    def written(self) -> list[Written]:
        """What the server has of the bot."""
        return self.synapse.written_by(self.user_id)

    async def read(self) -> dict[str, str | None]:
        """What people read, by the message's id; None where they cannot."""
        seen: dict[str, str | None] = {}
        written = self.written()
        for person in self.people:
            mine = [w.event_id for w in written if w.room == person.room]
            if mine:
                await person.sync_until(mine[-1])
            # A server gives no more than a hundred at once, and there may be more.
            for event_id in mine:
                seen[event_id] = await person.opens(event_id)
        return seen
