"""One transaction, and the repositories that work inside it."""

from __future__ import annotations

from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.checkins import Checkins
from storage.conversations import Conversations
from storage.denunciations import Denunciations
from storage.facts import Facts
from storage.inbox import Inbox
from storage.incidents import Incidents
from storage.outbox import Outbox
from storage.people import People
from storage.tables import metadata
from storage.timers import Timers


class Transaction:
    """The repositories over one connection that will commit or roll back as a whole."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def erase_everything(self) -> None:
        """Empty every table: for the sandbox, which can begin anew."""
        for table in reversed(metadata.sorted_tables):
            await self.connection.execute(sa.delete(table))

    @cached_property
    def facts(self) -> Facts:
        """Small things of the installation."""
        return Facts(self.connection)

    @cached_property
    def inbox(self) -> Inbox:
        """Stored events and the platforms' cursors."""
        return Inbox(self.connection)

    @cached_property
    def outbox(self) -> Outbox:
        """Messages to send."""
        return Outbox(self.connection)

    @cached_property
    def timers(self) -> Timers:
        """Stored due times."""
        return Timers(self.connection)

    @cached_property
    def people(self) -> People:
        """Groups, members, accounts, invitations."""
        return People(self.connection)

    @cached_property
    def conversations(self) -> Conversations:
        """Open questions and dialogs."""
        return Conversations(self.connection)

    @cached_property
    def checkins(self) -> Checkins:
        """Schedules and check-ins."""
        return Checkins(self.connection)

    @cached_property
    def incidents(self) -> Incidents:
        """Incidents and their timelines."""
        return Incidents(self.connection)

    @cached_property
    def denunciations(self) -> Denunciations:
        """Denunciations and their destinations."""
        return Denunciations(self.connection)
