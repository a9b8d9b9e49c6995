"""The town of P16: people full of canaries, the real bot, and who may read which canary.

A canary is a word that stands nowhere else, and says what it is of: the name somebody goes by, their
account, words that they wrote to the bot, a line of news about an incident, a draft, where they go, a
note for an emergency, a complaint. `Around.grants` says who may read it, from what the tables hold and
from what may be known of others in a group; it calls nothing of the program's own rules.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from bot.domain.lanes import Lane
from bot.domain.people import Role
from bot.domain.plan import Plan
from bot.domain.rich import Rich
from bot.engine.due import DueTimers
from bot.engine.engine import Engine
from bot.engine.handling import Ended
from bot.engine.stepping import SteppedClock, Stepper
from bot.engine.worker import Worker
from bot.platforms.base import Attachment, Button, ChatKind, Operation, Outgoing
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Message, Town, private_chat
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory
from storage.outbox import SENT, Row
from storage.tables import complaints, groups, members
from storage.transaction import Transaction

START = datetime(2026, 11, 17, 14, 0, tzinfo=UTC)
ZONE = "UTC"
CANARY = re.compile(r"qz([a-z])(\d+)q", re.IGNORECASE)

NAME, ACCOUNT, WORDS, NEWS, DRAFT, NOTE = "n", "a", "w", "s", "d", "m"
PLACE, COMPLAINT, ANSWER, OPINION, CARE, REASON = "p", "c", "r", "f", "e", "o"
"""What a canary is of: the letter behind "qz". A reason is why somebody opened a note."""

R = Role
RED: dict[str, frozenset[Role]] = {
    "ana": frozenset(),
    "abril": frozenset(),
    "berta": frozenset({R.RESPONDER}),
    "carla": frozenset({R.RESPONDER}),
    "nadia": frozenset({R.OBSERVER}),
    "olga": frozenset({R.AUTHOR}),
    "rita": frozenset({R.APPROVER}),
    "coral": frozenset({R.COORDINATOR}),
    "dora": frozenset({R.COORDINATOR}),
    "elena": frozenset({R.COORDINATOR, R.RESPONDER}),
}
OTRA: dict[str, frozenset[Role]] = {
    "omar": frozenset(),
    "oriana": frozenset({R.RESPONDER, R.APPROVER}),
    "otilia": frozenset({R.COORDINATOR, R.AUTHOR}),
}
STRANGERS = ("ximena", "yareli")
OPERATOR = "opal"
SQUARE = "plaza"


@dataclass
class Someone:
    """A person of the town. `key` is their account, and a canary; `member` what they are today."""

    who: str
    key: str
    name: str = ""
    member: int | None = None


@dataclass(frozen=True)
class Canary:
    """Whose it is, what of, and what it is about: an incident, a draft, a membership."""

    owner: str
    kind: str
    about: int = 0
    word: str = ""


@dataclass(frozen=True)
class Complained:
    """A complaint, and the canaries in it."""

    id: int
    group: int
    author: int
    about: int | None
    rounds: int
    words: frozenset[str]


@dataclass
class Facts:
    """What the tables say now, read with plain statements."""

    roles: dict[int, frozenset[str]] = field(default_factory=dict)
    group: dict[int, int] = field(default_factory=dict)
    left: set[int] = field(default_factory=set)
    incidents: list[tuple[int, int, int, set[int]]] = field(default_factory=list)
    involved: dict[int, set[int]] = field(default_factory=dict)
    decisions: list[tuple[str, int, int | None, int | None, int, str, bool]] = field(
        default_factory=list
    )
    drafts: dict[int, tuple[int, int, int | None, str]] = field(default_factory=dict)
    reviewed: set[int] = field(default_factory=set)
    plan_of_group: dict[int, set[int]] = field(default_factory=dict)
    plan_of_member: dict[int, set[int]] = field(default_factory=dict)
    log: list[tuple[int, str]] = field(default_factory=list)
    put_out: set[int] = field(default_factory=set)
    on_duty: dict[int, set[int]] = field(default_factory=dict)
    lists: list[set[int]] = field(default_factory=list)
    over: set[int] = field(default_factory=set)
    complaints: list[Complained] = field(default_factory=list)
    unreachable: set[int] = field(default_factory=set)

    @classmethod
    async def read(cls, tx: Transaction) -> Facts:
        """Everything that decides who may know what."""
        facts = cls()

        async def rows(statement: str) -> list[tuple]:  # type: ignore[type-arg]
            return [tuple(r) for r in await tx.connection.execute(sa.text(statement))]

        for id, group, roles, left in await rows("SELECT id, group_id, roles, left_at FROM members"):
            facts.roles[id] = frozenset(re.findall(r'"(\w+)"', roles))
            facts.group[id] = group
            if left is not None:
                facts.left.add(id)
        for id, subject, holder, told in await rows(
            "SELECT id, subject_id, holder_id, told FROM incidents"
        ):
            heard = {int(m) for m in re.findall(r"\d+", told)}
            facts.incidents.append((id, subject, holder or 0, heard))
            facts.involved[id] = {subject, *heard} | ({holder} if holder else set())
        for incident, actor in await rows(
            "SELECT incident_id, actor FROM incident_events WHERE actor IS NOT NULL"
        ):
            facts.involved[incident].add(actor)
        facts.decisions = await rows(
            "SELECT kind, id, about, second, asked_by, state, operators FROM decisions"
        )
        for id, group, author, approver, state in await rows(
            "SELECT id, group_id, author_id, approver_id, state FROM denunciations"
        ):
            facts.drafts[id] = (group, author, approver, state)
        # It may have been in review between two looks.
        for (draft,) in await rows(
            "SELECT p.ref FROM prompts p JOIN denunciations d ON d.id = p.ref"
            " WHERE p.topic = 'denunciation' AND p.member <> d.author_id"
        ):
            facts.reviewed.add(draft)
        for row in await tx.rows.all(sa.select(groups.c.id, groups.c.plan)):
            facts.plan_of_group[row.id] = named_in(row.plan)
        for row in await tx.rows.all(sa.select(members.c.id, members.c.plan)):
            facts.plan_of_member[row.id] = named_in(row.plan)
        for (about,) in await rows("SELECT about FROM audit_log WHERE what = 'put_out'"):
            facts.put_out.add(about)
        for group, member in await rows(
            "SELECT r.group_id, p.member_id FROM rotations r"
            " LEFT JOIN rotation_people p ON p.rotation_id = r.id UNION ALL"
            " SELECT r.group_id, c.member_id FROM rotations r"
            " JOIN duty_changes c ON c.rotation_id = r.id"
        ):
            facts.on_duty.setdefault(group, set()).update({member} - {None})
        together: dict[int, set[int]] = {}
        for trip, answers, companion in await rows(
            "SELECT t.id, t.member_id, c.member_id FROM companions c JOIN trips t ON t.id = c.trip_id"
        ):
            # Of somebody who is no member (any more) it has the name that was written down alone.
            together.setdefault(trip, {answers}).update({companion} - {None})
        facts.lists = list(together.values())
        facts.over = {id for (id,) in await rows("SELECT id FROM incidents WHERE closed_at IS NOT NULL")}
        facts.unreachable = {
            id for (id,) in await rows(
                "SELECT id FROM members WHERE id NOT IN (SELECT member_id FROM accounts WHERE reachable)"
            )
        }  # fmt: skip
        for row in await tx.rows.all(sa.select(complaints)):
            words = frozenset(canaries_in(row.text, row.answer or ""))
            facts.complaints.append(
                Complained(row.id, row.group_id, row.member_id, row.about, row.rounds, words)
            )
        facts.log = await rows("SELECT id, hex(details) FROM audit_log ORDER BY id")
        return facts

    def has(self, member: int, *roles: Role) -> bool:
        """Whether somebody has one of these roles."""
        return not self.roles.get(member, frozenset()).isdisjoint(roles)

    def coordinators(self, group: int) -> set[int]:
        """Who coordinates a group."""
        return {m for m, g in self.group.items() if g == group and self.has(m, R.COORDINATOR)}


def named_in(plan: object) -> set[int]:
    """The members whom a plan names."""
    if not isinstance(plan, dict):
        return set()
    made = Plan.from_json(plan)
    return {r.member for step in made.steps for r in step.recipients if r.member is not None}


HEARS = (R.RESPONDER, R.COORDINATOR, R.OBSERVER)
"""Roles that may be told of incidents."""


@dataclass(frozen=True)
class Around:
    """One step: what was so before it, and what is so after. A role on either side counts."""

    before: Facts
    after: Facts

    def has(self, member: int, *roles: Role) -> bool:
        """Whether somebody had one of these roles when the step began, or has it at its end."""
        return self.before.has(member, *roles) or self.after.has(member, *roles)

    def published(self, canary: Canary) -> bool:
        """Whether anybody may read it: a draft that two people made a denunciation."""
        return canary.kind == DRAFT and any(
            facts.drafts.get(canary.about, (0, 0, None, ""))[3] in ("approved", "sent")
            for facts in (self.before, self.after)
        )

    def grants(self, reader: int | None, operator: bool, canary: Canary) -> bool:
        """Whether somebody may be shown another one's canary. `reader` None is no member."""
        if canary.kind in (ACCOUNT, WORDS):
            return False
        if canary.kind in (COMPLAINT, ANSWER):
            return self._may_read_complaint(reader, operator, canary.word)
        if canary.kind == NAME:
            owner = canary.about
            return (operator and self._asked_operator(owner)) or (
                reader is not None and self._may_name(reader, owner)
            )
        if reader is None or canary.kind == OPINION:
            return False  # opinions are read once the month is over, and no run lasts for so long
        if canary.kind == CARE:
            return self.after.group.get(reader) == canary.about
        if canary.kind == PLACE:
            return any(
                holder == reader and (subject == canary.about or self._together(subject, canary.about))
                for facts in (self.before, self.after)
                for _, subject, holder, _ in facts.incidents
            )
        if canary.kind == REASON:
            return any(
                id == canary.about
                and (reader in told if reader != subject else id in self.after.over)
                for id, subject, _, told in self.after.incidents
            )
        if canary.kind == NOTE:
            # Whoever of their own group holds an incident about the person who wrote it.
            return self.after.group.get(reader) == self.after.group.get(canary.about) and any(
                holder == reader and subject == canary.about
                for _, subject, holder, _ in self.after.incidents
            )
        if canary.kind == NEWS:
            return self.has(reader, *HEARS) and any(
                id == canary.about and reader in told for id, _, _, told in self.after.incidents
            )
        return self._may_read_draft(reader, canary.about)

    def _together(self, one: int, other: int) -> bool:
        lists = (*self.before.lists, *self.after.lists)
        return any(one in people and other in people for people in lists)

    def _may_read_complaint(self, reader: int | None, operator: bool, word: str) -> bool:
        return any(
            reader == complaint.author
            or reader in self._judges(complaint)
            or (operator and self._for_operator(complaint))
            for complaint in (*self.before.complaints, *self.after.complaints)
            if word in complaint.words
        )

    def _judges(self, complaint: Complained) -> set[int]:
        """Whoever coordinated at the step's begin or does at its end, and has no part in it."""
        both = (facts.coordinators(complaint.group) for facts in (self.before, self.after))
        return set[int]().union(*both) - {complaint.author, complaint.about}

    def _for_operator(self, complaint: Complained) -> bool:
        """Others had their turn, or at some time of this step there was nobody who could be asked."""
        return complaint.rounds >= 2 or any(
            not facts.coordinators(complaint.group)
            - {complaint.author, complaint.about}
            - facts.unreachable
            for facts in (self.before, self.after)
        )

    def _may_read_draft(self, reader: int, draft: int) -> bool:
        for facts in (self.before, self.after):
            if draft not in facts.drafts:
                continue
            group, author, _, state = facts.drafts[draft]
            if facts.group.get(reader) != group:
                continue
            if state in ("approved", "sent"):
                return True
            asked = state == "in_review" or draft in facts.reviewed
            if asked and reader != author and self.has(reader, R.APPROVER):
                return True
        return False

    def _asked_operator(self, owner: int) -> bool:
        """Two people had the operator decide about them, or nobody else may judge their complaint."""
        put = any(
            owner in (complaint.author, complaint.about) and self._for_operator(complaint)
            for complaint in (*self.before.complaints, *self.after.complaints)
        )
        return put or any(
            operators and owner in (about, asked_by)
            for _, _, about, _, asked_by, _, operators in self.after.decisions
        )

    def _may_name(self, reader: int, owner: int) -> bool:
        """Of another group, only whom one looks after or acts with; in one's own, whom one works with
        or is looked after by."""
        group = self.after.group.get(reader)
        if group is None:
            return False
        if self.after.group.get(owner) != group:
            return self._of_another(reader, owner, group)
        if owner in self.before.left:
            # The one line of the log that keeps a name: of whom two people put out.
            return owner in self.after.put_out and self.has(reader, R.COORDINATOR)
        if self.has(reader, R.COORDINATOR):
            return True  # who came in by whom, who asks what: the log
        told = any(
            reader in heard and owner in self.after.involved[id]
            for id, _, _, heard in self.after.incidents
        )
        if told and self.has(reader, *HEARS):
            return True
        for facts in (self.before, self.after):
            if owner in facts.plan_of_group.get(group, set()):
                return True
            if owner in facts.plan_of_member.get(reader, set()):
                return True
        if any(
            reader in (about, asked_by) and owner in (about, asked_by, second)
            for _, _, about, second, asked_by, _, _ in self.after.decisions
        ):
            return True
        for facts in (self.before, self.after):
            # Who answers alarms knows who is on duty, and who of those who coordinate asks them.
            if group in facts.on_duty and self.has(reader, R.RESPONDER, R.COORDINATOR) and (
                owner in facts.on_duty[group] or self.has(owner, R.COORDINATOR)
            ):
                return True
        if any(self._travels(reader, owner, people) for people in self.after.lists):
            return True
        # Where nobody else coordinates, the circle hears that somebody left or withdrew.
        alone = not self.after.coordinators(group) - {owner}
        return (alone and self.has(reader, R.RESPONDER)) or self._writes_with(reader, owner)

    def _of_another(self, reader: int, owner: int, group: int) -> bool:
        """Told of the same incident; or who coordinates reads who of the others is in one of theirs."""
        return any(
            owner in self.after.involved[id]
            and (
                (reader in heard and self.has(reader, *HEARS))
                or (self.after.group.get(subject) == group and self.has(reader, R.COORDINATOR))
            )
            for id, subject, _, heard in self.after.incidents
        )

    def looks_for_travellers(self, reader: int | None) -> bool:
        """Whether somebody holds the incident of one who is on a collective's list, or is on one."""
        lists = (*self.before.lists, *self.after.lists)
        held = {s for _, s, holder, _ in self.after.incidents if holder == reader}
        return any(reader in people or not held.isdisjoint(people) for people in lists)

    def _travels(self, reader: int, owner: int, people: set[int]) -> bool:
        """Who is on a collective's list and who answers for it know of each other, and so does who
        looks for one of them."""
        looks = any(
            reader in heard and subject in people
            for _, subject, _, heard in self.after.incidents
        )
        return owner in people and (reader in people or looks)

    def _writes_with(self, reader: int, owner: int) -> bool:
        """The author and those who review know of each other."""
        return any(
            (owner == author or self.has(owner, R.APPROVER))
            and (reader == author or self.has(reader, R.APPROVER))
            for facts in (self.before, self.after)
            for _, author, _, _ in facts.drafts.values()
        )


class Scene:
    """One database and one town, filled anew for each run."""

    def __init__(self, database: Database) -> None:
        self.clock = SteppedClock(START)
        self.database = database
        self.town = Town(self.clock.now)
        self.platform = SandboxPlatform(self.town)
        tokens = count()
        self.people: dict[str, Someone] = {}
        self.canaries: dict[str, Canary] = {}
        self._numbers = count()
        self.settings = Settings(
            language="es",
            zone=ZONE,
            token=lambda: f"token{next(tokens):017d}",
            operators=frozenset(),
            links={"sandbox": self.platform.invitation_link},
        )
        self.groups: dict[str, int] = {}
        self.square = ""

    @classmethod
    async def on_disk(cls, folder: Path) -> Scene:
        """Over a database file of its own; whoever opens it closes its database."""
        scene = cls(Database(str(folder / "acuerpa.db"), KeyInMemory()))
        await scene.database.open()
        return scene

    async def fill(self, *, slow: bool = False) -> None:
        """Everyone moves in; nothing was said yet. `slow`: the bot is driven by its whole engine."""
        self.town.reset()
        self.people, self.canaries = {}, {}
        for who in (*RED, *OTRA, *STRANGERS, OPERATOR):
            key = self.canary(who, ACCOUNT)
            self.town.person(key, who, role="", language="es")
            self.people[who] = Someone(who, key)
        operator = f"sandbox:{self.people[OPERATOR].key}"
        self.settings = replace(self.settings, operators=frozenset({operator}))
        long_ago = self.clock.now() - timedelta(days=30)
        async with self.database.transaction() as tx:
            await tx.erase_everything()
            for title, them in (("Red", RED), ("Otra", OTRA)):
                group = await tx.people.add_group(title, title, "es", ZONE, long_ago)
                self.groups[title] = group
                for who, roles in them.items():
                    await self._moves_in(tx, group, who, roles, long_ago)
        self.square = self.town.place(SQUARE, "Plaza", kind=ChatKind.GROUP).id
        self.bot: Bot = Slow(self) if slow else Swift(self)
        await self.bot.start()
        self.town.adds_bot(self.people["ana"].key, self.square)
        await self.bot.settle()
        self.version = self.town.version
        self.shown: dict[str, set[str]] = {}

    async def _moves_in(
        self, tx: Transaction, group: int, who: str, roles: Iterable[Role], at: datetime
    ) -> None:
        person = self.people[who]
        person.name = f"{who.capitalize()} {self.canary(who, NAME)}"
        person.member = await tx.people.add_member(group, person.name, "es", ZONE, list(roles), at)
        self.belongs(person.name, person.member)
        chat = private_chat(person.key)
        await tx.people.add_account(person.member, "sandbox", person.key, chat, at)

    def canary(self, owner: str, kind: str, about: int = 0) -> str:
        """A word that stands nowhere else."""
        word = f"qz{kind}{next(self._numbers)}q"
        self.canaries[word] = Canary(owner, kind, about, word)
        return word

    def belongs(self, name: str, member: int) -> None:
        """The canary in a name is that of this membership."""
        for found in CANARY.finditer(name):
            word = found[0].lower()
            self.canaries[word] = Canary(self.canaries[word].owner, NAME, member, word)

    async def facts(self) -> Facts:
        """What the tables say now."""
        async with self.database.transaction() as tx:
            return await Facts.read(tx)

    def news(self) -> list[tuple[str, Message, set[str]]]:
        """What was shown since the last look: to whom, the message, and its canaries.

        Of a message that was edited, those that it did not hold before.
        """
        changes = self.town.since(self.version)
        self.version = changes.version
        found = []
        for message in changes.messages:
            if message.author != "bot":
                continue
            words = canaries_in(
                message.plain,
                *(b.label for row in message.buttons for b in row),
                *(f.content.decode("utf-8", "ignore") for f in message.attachments),
            )
            fresh = words - self.shown.get(message.id, set())
            self.shown[message.id] = self.shown.get(message.id, set()) | words
            found += [(reader, message, fresh) for reader in self.town.chats[message.chat].readers]
        return found

    def person(self, key: str) -> Someone:
        """By account."""
        return next(p for p in self.people.values() if p.key == key)


class Bot(Protocol):
    """What makes the bot hear, act and speak."""

    async def start(self) -> None:
        """Once."""

    async def settle(self) -> None:
        """Until nothing is left to do at this instant."""

    async def until(self, at: datetime) -> None:
        """Let time pass."""


class Slow:
    """The whole engine."""

    def __init__(self, scene: Scene) -> None:
        handlers = Router(scene.settings)
        self.engine = Engine(scene.database, [scene.platform], handlers, scene.clock)
        self.stepper = Stepper(self.engine, scene.database, scene.clock)

    async def start(self) -> None:
        await self.engine.start()

    async def settle(self) -> None:
        await self.engine.settle()

    async def until(self, at: datetime) -> None:
        await self.stepper.until(at)


class Swift:
    """The engine's worker and its timers, the router and the platform; what is to be sent is sent in
    one transaction and not in two for each message: thousands of runs are worth more than the
    engine's care for a message, which other proofs are about."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.handlers = Router(scene.settings)
        platforms = {"sandbox": scene.platform}
        self.worker = Worker(scene.database, platforms, self.handlers, scene.clock)
        self.due = DueTimers(scene.database, self.handlers, scene.clock, self._until_now)
        self.cursor: str | None = None
        self.sent: dict[str, str] = {}
        self.last = 0

    async def _until_now(self) -> datetime:
        return self.scene.clock.now()

    async def start(self) -> None:
        self.cursor = self.scene.town.cursor

    async def settle(self) -> None:
        busy = True
        while busy:
            if await self._receive():
                await self.worker.drain()
            busy = bool(await self.due.drain())
            busy |= bool(await self._send())

    async def until(self, at: datetime) -> None:
        await self.settle()
        while (due := await self._next()) is not None and due <= at:
            self.scene.clock.move(due)
            await self.settle()
        self.scene.clock.move(at)
        await self.settle()

    async def _next(self) -> datetime | None:
        async with self.scene.database.transaction() as tx:
            return await tx.timers.next_due()

    async def _receive(self) -> int:
        events = self.scene.town.events_after(self.cursor)
        if events:
            self.cursor = events[-1].event_id
            found = [(e.event_id, e.chat, e.raw) for e in events]
            async with self.scene.database.transaction() as tx:
                await tx.inbox.store("sandbox", found, self.cursor, self.scene.clock.now())
        return len(events)

    async def _send(self) -> int:
        now = self.scene.clock.now()
        async with self.scene.database.transaction() as tx:
            rows = await tx.outbox.claim(
                "sandbox", now, limit=500, lease=timedelta(minutes=1), lanes=list(Lane)
            )
            # In the order in which they were queued: an edit never comes before what it edits.
            for row in sorted(rows, key=lambda r: r.seq):
                target = self.sent.get(row.target, "") or str(row.body.get("target", ""))
                receipt = await self.scene.platform.send(_outgoing(row, target))
                self.sent[row.key] = receipt.message_id
                await tx.outbox.finish(row, SENT, now, message_id=receipt.message_id)
                await self.handlers.ended(tx, row, Ended.SENT, receipt.result, now)
        return len(rows)


def _outgoing(row: Row, target: str) -> Outgoing:
    return Outgoing(
        key=row.key,
        chat=row.chat,
        operation=Operation(row.operation),
        text=Rich.from_json(row.body.get("text", [])),
        buttons=tuple(
            tuple(Button(*button) for button in line) for line in row.body.get("buttons", [])
        ),
        target=target,
        attachments=tuple(
            Attachment(name, mime, base64.b64decode(content))
            for name, mime, content in row.body.get("files", [])
        ),
    )


def canaries_in(*texts: str) -> set[str]:
    """The canaries that stand in these texts."""
    return {found[0].lower() for text in texts for found in CANARY.finditer(text)}
