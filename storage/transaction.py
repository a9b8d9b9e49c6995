"""One transaction, and the repositories that work inside it."""

from __future__ import annotations

from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.aftercare import Aftercare
from storage.alliances import Alliances
from storage.audit import Audit
from storage.boards import Boards
from storage.checkins import Checkins
from storage.complaints import Complaints
from storage.configuring import Configuring
from storage.contacts import Contacts
from storage.conversations import Conversations
from storage.decisions import Decisions, Log
from storage.denunciations import Denunciations
from storage.directory import Directory
from storage.drills import Drills
from storage.duty import Duty
from storage.erasing import Erasing
from storage.facts import Facts
from storage.feedback import Feedback
from storage.fence import ACTING, Fence, acting
from storage.files import Files
from storage.following import Following
from storage.inbox import Inbox
from storage.incidents import Incidents
from storage.invitations import Invitations
from storage.mass import MassEvents
from storage.notes import Notes
from storage.notices import QUEUED, notify
from storage.outbox import Outbox
from storage.people import People
from storage.polls import Polls
from storage.readers import Readers
from storage.regions import Regions
from storage.retention import Retention
from storage.rows import Rows
from storage.signing_keys import SigningKeys
from storage.tables import data_keys, metadata, outbox
from storage.timers import Timers
from storage.trips import Trips
from storage.vault import Vault
from storage.whereabouts import Whereabouts


class Transaction:
    """The repositories over one connection that will commit or roll back as a whole.

    `wipe_log`: after the commit, nothing of what was erased is to be left in SQLite's log either.
    `forget_event`: what the event that is being handled said is to be kept nowhere. `notices`: what
    other processes hear once it is committed (`storage.notices`).

    Args:
        fence: Our number; None for a tool that claims nothing.
        name: The row of the fence that it is in.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        vault: Vault,
        fence: int | None = None,
        name: str = ACTING,
    ) -> None:
        self.connection = connection
        self.rows = Rows(connection, vault)
        self.notices: set[str] = set()
        self.wipe_log = False
        self.forget_event = False
        self._vault = vault
        self._name = name
        self._acting = acting(fence, name)

    @property
    def reuses_numbers(self) -> bool:
        """Whether a new row may get the number of one that was erased: on SQLite it is the one after the
        highest, while PostgreSQL's sequences go on."""
        return self.connection.dialect.name == "sqlite"

    async def erase_everything(self) -> None:
        """Empty every table but that of the keys: for the sandbox, which can begin anew."""
        for table in reversed(metadata.sorted_tables):
            if table is not data_keys:
                await self.connection.execute(sa.delete(table))
        self.rows = Rows(self.connection, self._vault)

    async def forget_data_keys(self) -> None:
        """Nothing that is sealed in this database can be opened again, by anybody."""
        await self.connection.execute(sa.delete(data_keys))

    async def notify(self) -> None:
        """Other processes hear of what was done here once it is committed."""
        if outbox.name in self.rows.inserted:
            self.notices.add(QUEUED)
        for what in sorted(self.notices):
            await notify(self.connection, what)

    def _wipe(self) -> None:
        self.wipe_log = True

    @cached_property
    def facts(self) -> Facts:
        """Small things of the installation."""
        return Facts(self.connection)

    @cached_property
    def fence(self) -> Fence:
        """Which process acts."""
        return Fence(self.connection, self._name)

    @cached_property
    def polls(self) -> Polls:
        """Who is to catch up before a deadline is judged."""
        return Polls(self.connection)

    @cached_property
    def inbox(self) -> Inbox:
        """Stored events and the platforms' cursors."""
        return Inbox(self.rows, self._acting)

    @cached_property
    def outbox(self) -> Outbox:
        """Messages to send."""
        return Outbox(self.rows, self._acting, self._name)

    @cached_property
    def timers(self) -> Timers:
        """Stored due times."""
        return Timers(self.connection, self._acting, self._name)

    @cached_property
    def people(self) -> People:
        """Groups, members, accounts."""
        return People(self.rows)

    @cached_property
    def regions(self) -> Regions:
        """Parts of groups."""
        return Regions(self.rows)

    @cached_property
    def alliances(self) -> Alliances:
        """Groups that answer for others."""
        return Alliances(self.rows)

    @cached_property
    def duty(self) -> Duty:
        """Who answers when."""
        return Duty(self.rows)

    @cached_property
    def invitations(self) -> Invitations:
        """Who may come in."""
        return Invitations(self.rows)

    @cached_property
    def decisions(self) -> Decisions:
        """What waits for a second person."""
        return Decisions(self.rows)

    @cached_property
    def log(self) -> Log:
        """Every privileged act."""
        return Log(self.rows)

    @cached_property
    def erasing(self) -> Erasing:
        """People of whom nothing is to be left."""
        return Erasing(self.rows)

    @cached_property
    def configuring(self) -> Configuring:
        """What somebody who coordinates has begun."""
        return Configuring(self.rows)

    @cached_property
    def conversations(self) -> Conversations:
        """Open questions and dialogs."""
        return Conversations(self.rows)

    @cached_property
    def checkins(self) -> Checkins:
        """Schedules and check-ins."""
        return Checkins(self.rows)

    @cached_property
    def trips(self) -> Trips:
        """What members asked to be asked about."""
        return Trips(self.rows)

    @cached_property
    def whereabouts(self) -> Whereabouts:
        """Where somebody said they are."""
        return Whereabouts(self.rows)

    @cached_property
    def mass(self) -> MassEvents:
        """Many misses that are one event."""
        return MassEvents(self.connection)

    @cached_property
    def retention(self) -> Retention:
        """What is not needed any more."""
        return Retention(self.rows)

    @cached_property
    def audit(self) -> Audit:
        """What must hold over all tables."""
        return Audit(self.connection)

    @cached_property
    def incidents(self) -> Incidents:
        """Incidents and their timelines."""
        return Incidents(self.rows)

    @cached_property
    def drills(self) -> Drills:
        """What is practised, and what was."""
        return Drills(self.rows)

    @cached_property
    def contacts(self) -> Contacts:
        """Who showed that they can be reached."""
        return Contacts(self.rows)

    @cached_property
    def files(self) -> Files:
        """Images and documents of denunciations."""
        return Files(self.rows, self._acting)

    @cached_property
    def denunciations(self) -> Denunciations:
        """Denunciations and their destinations."""
        return Denunciations(self.rows)

    @cached_property
    def readers(self) -> Readers:
        """Who reads denunciations, and what each wants of them."""
        return Readers(self.rows)

    @cached_property
    def boards(self) -> Boards:
        """Boards of who coordinates."""
        return Boards(self.rows)

    @cached_property
    def aftercare(self) -> Aftercare:
        """Who is asked how they are after an incident."""
        return Aftercare(self.rows)

    @cached_property
    def directory(self) -> Directory:
        """Where there is care."""
        return Directory(self.rows)

    @cached_property
    def notes(self) -> Notes:
        """What members wrote for an emergency."""
        return Notes(self.rows)

    @cached_property
    def feedback(self) -> Feedback:
        """How people found it."""
        return Feedback(self.rows)

    @cached_property
    def complaints(self) -> Complaints:
        """Complaints and where they stand."""
        return Complaints(self.rows)

    @cached_property
    def signing_keys(self) -> SigningKeys:
        """What signs publications."""
        return SigningKeys(self.rows, self._wipe)

    @cached_property
    def following(self) -> Following:
        """Feeds of other organisations."""
        return Following(self.rows, self._acting)
