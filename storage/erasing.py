"""Erasing a person: at once what is theirs alone, then row by row every trace in what others have.

What is left of them is a number: in timelines, in the log, and as the subject of incidents that are
closed. A row of `erasures` remembers what to look for until nothing of it is left.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.domain.complaint import State as Complaint
from bot.domain.denunciation import State as Draft
from bot.domain.people import Risk
from storage.files import Files
from storage.inbox import NEW
from storage.outbox import WAITING
from storage.people import Account, Group, Member, People
from storage.rows import Rows
from storage.tables import (
    accounts,
    aftercare,
    alliance_people,
    approvals,
    boards,
    care_entries,
    checkins,
    companions,
    complaints,
    configuring,
    contacts,
    decisions,
    denunciations,
    dialogs,
    digest_items,
    duty_changes,
    duty_turns,
    erasures,
    feedback,
    followed_feeds,
    guesses,
    inbox,
    incident_events,
    incidents,
    members,
    named_people,
    notes,
    outbox,
    prompts,
    region_members,
    rotation_people,
    schedules,
    stages,
    subscriptions,
    trips,
    whereabouts,
)

BATCH = 500
"""Rows that one transaction looks through: an alarm must not wait for it."""

PATIENCE = timedelta(hours=1)
"""How long the last words to the person, and about them to others, may take to leave."""


@dataclass(frozen=True)
class Traces:
    """What tells that a row is about somebody: their name, their accounts and the chats with them."""

    group: int
    member: int
    name: str
    instead: str
    accounts: Sequence[Sequence[str]]
    drafts: Sequence[Sequence[str]]
    asked_at: datetime
    done: Mapping[str, int]
    former: Sequence[str] = ()

    @property
    def chats(self) -> set[tuple[str, str]]:
        """Platform and chat of each of their accounts."""
        return {(platform, chat) for platform, _, chat in self.accounts}

    def theirs(self, value: Any) -> bool:
        """Whether one of their accounts stands anywhere in a JSON value."""
        words = "|".join(re.escape(w) for a in self.accounts for w in a[1:])
        return bool(words) and _found(rf"(?<!\w)(?:{words})(?!\w)", value)

    def named(self, value: Any) -> bool:
        """Whether their name does, as a word of its own, or a draft of theirs."""
        if _found(self._pattern, value):
            return True
        return any(
            all(_found(re.escape(part), value) for part in draft) for draft in self.drafts
        )

    def without(self, value: Any) -> Any:
        """The value with what they are called now in the place of their name."""
        match value:
            case str():
                return re.sub(self._pattern, lambda _: self.instead, value)
            case list():
                return [self.without(inner) for inner in value]
            case dict():
                return {key: self.without(inner) for key, inner in value.items()}
        return value

    @property
    def _pattern(self) -> str:
        names = "|".join(re.escape(name) for name in (self.name, *self.former))
        return rf"(?<!\w)(?:{names})(?!\w)"


def _found(pattern: str, value: Any) -> bool:
    match value:
        case str():
            return re.search(pattern, value) is not None
        case int() if not isinstance(value, bool):
            return re.fullmatch(pattern, str(value)) is not None
        case list():
            return any(_found(pattern, inner) for inner in value)
        case dict():
            return any(_found(pattern, inner) for inner in value.values())
    return False


class Erasing:
    """People of whom nothing is to be left."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def begin(
        self, member: Member, theirs: Sequence[Account], group: Group, instead: str, now: datetime
    ) -> None:
        """Erase what is theirs alone. `sweep` must follow until it says that it is done.

        `instead` is what they are called from now on where others' timelines speak of them.
        """
        await self._rows.insert(
            erasures,
            group_id=group.id,
            member=member.id,
            traces={
                "name": member.name,
                "instead": instead,
                "former": await People(self._rows).former_names(member.id),
                "accounts": [[a.platform, a.address, a.chat] for a in theirs],
                "drafts": await self._words(member.id),
            },
            done={},
            asked_at=now,
        )
        of_trips = sa.select(stages.c.id).where(
            stages.c.trip_id.in_(sa.select(trips.c.id).where(trips.c.member_id == member.id))
        )
        await self._db.execute(
            sa.update(checkins).where(checkins.c.stage_id.in_(of_trips)).values(stage_id=None)
        )
        for table, column in (
            (checkins, checkins.c.member_id),
            (trips, trips.c.member_id),
            (companions, companions.c.member_id),
            (whereabouts, whereabouts.c.member_id),
            (schedules, schedules.c.member_id),
            (accounts, accounts.c.member_id),
            (configuring, configuring.c.member_id),
            (contacts, contacts.c.member_id),
            (prompts, prompts.c.member),
            (region_members, region_members.c.member_id),
            (alliance_people, alliance_people.c.member_id),
            (rotation_people, rotation_people.c.member_id),
            (duty_changes, duty_changes.c.member_id),
            (duty_turns, duty_turns.c.member_id),
            (notes, notes.c.member_id),
            (boards, boards.c.member_id),
            (aftercare, aftercare.c.member_id),
            (complaints, complaints.c.member_id),
            (feedback, feedback.c.member_id),
            (subscriptions, subscriptions.c.member_id),
            (digest_items, digest_items.c.member_id),
        ):
            await self._db.execute(sa.delete(table).where(column == member.id))
        # What they were to answer goes on to others when its time is up.
        await self._db.execute(
            sa.update(complaints)
            .where(complaints.c.holder == member.id, complaints.c.state == Complaint.TAKEN)
            .values(holder=None, state=Complaint.OPEN)
        )
        await self._db.execute(
            sa.update(followed_feeds)
            .where(followed_feeds.c.added_by == member.id)
            .values(added_by=None)
        )
        for account in theirs:
            await self._forget_account(account)
        for id in await self.drafts(member.id):
            await self._rows.update(
                denunciations, id, title="", text="", others=None, approved_hash="",
                state=Draft.DISCARDED,
            )  # fmt: skip
            for table in (approvals, named_people):
                await self._db.execute(sa.delete(table).where(table.c.denunciation_id == id))
        await Files(self._rows, sa.true()).drop_of(member.id)
        await self._rows.update(
            members,
            member.id,
            group_id=group.id,
            name=instead,
            roles=[],
            plan=None,
            language=group.language,
            zone=group.zone,
            subscribed=False,
            risk=Risk.MEDIUM,
            invited_by=None,
            agreed_at=None,
            asked_at=None,
            withdrawn_at=None,
            duress=None,
            rehearsal_until=None,
            quiet=None,
            former=None,
            cancel_words=None,
            left_at=now,
        )

    async def _forget_account(self, account: Account) -> None:
        for table in (prompts, dialogs):
            here = table.c.chat_key == self._rows.blind(table.c.chat_key, account.chat)
            await self._db.execute(
                sa.delete(table).where(table.c.platform == account.platform, here)
            )
        said = inbox.c.chat_key == self._rows.blind(inbox.c.chat_key, account.chat)
        await self._db.execute(
            sa.delete(inbox).where(inbox.c.platform == account.platform, said, inbox.c.state != NEW)
        )
        guess = guesses.c.address_key == self._rows.blind(guesses.c.address_key, account.address)
        await self._db.execute(
            sa.delete(guesses).where(guesses.c.platform == account.platform, guess)
        )

    async def drafts(self, member: int) -> list[int]:
        """Numbers of what they wrote and was never published."""
        found = await self._db.execute(
            sa.select(denunciations.c.id).where(
                denunciations.c.author_id == member,
                denunciations.c.state.in_((Draft.DRAFT, Draft.IN_REVIEW))
                # Approved for an hour that has not come, or stopped before it did.
                | (
                    denunciations.c.state.in_((Draft.APPROVED, Draft.STOPPED))
                    & (denunciations.c.code == "")
                    & denunciations.c.publish_at.is_not(None)
                ),
            )
        )
        return list(found.scalars())

    async def _words(self, member: int) -> list[list[str]]:
        """Title and text of those, as a reviewer was shown them."""
        found = await self._rows.all(
            sa.select(
                denunciations.c.id, denunciations.c.title, denunciations.c.text,
                denunciations.c.others,
            ).where(denunciations.c.id.in_(await self.drafts(member)))
        )  # fmt: skip
        words = [[row.title, row.text] for row in found if row.title and row.text]
        for row in found:
            words += [[title, text] for _, title, text in row.others or ()]
        return words

    async def sweep(self, member: int, now: datetime) -> datetime | None:
        """Look through the next rows for traces. Returns when to go on; None once all is done."""
        traces = await self._traces(member)
        if traces is None:
            return None
        done = dict(traces.done)
        for name, look in self._tables().items():
            if done.get(name) == ALL:
                continue
            last, waits = await look(traces, done.get(name, 0), now)
            if waits:
                # The last words have not left yet: this table again, from the same place.
                return now + timedelta(minutes=1)
            done[name] = ALL if last is None else last
            await self._db.execute(
                sa.update(erasures).where(erasures.c.member == member).values(done=done)
            )
            return now
        await self._db.execute(sa.delete(erasures).where(erasures.c.member == member))
        return None

    async def _traces(self, member: int) -> Traces | None:
        row = await self._rows.one(
            sa.select(
                erasures.c.id, erasures.c.group_id, erasures.c.traces, erasures.c.done,
                erasures.c.asked_at,
            ).where(erasures.c.member == member)
        )  # fmt: skip
        if row is None:
            return None
        return Traces(
            row.group_id, member, **row.traces, asked_at=row.asked_at, done=row.done
        )

    def _tables(self) -> dict[str, _Look]:
        return {
            "inbox": self._inbox,
            "outbox": self._outbox,
            "prompts": self._prompts,
            "dialogs": self._dialogs,
            "incident_events": self._events,
            "trips": self._trips,
            "stages": self._stages,
            "companions": self._companions,
            "whereabouts": self._whereabouts,
            "care": self._care,
        }

    async def _inbox(self, traces: Traces, after: int, now: datetime) -> _Looked:
        """What they wrote elsewhere is erased, what others wrote about them emptied: it was handled."""
        found = await self._rows.all(
            sa.select(inbox.c.id, inbox.c.platform, inbox.c.chat, inbox.c.raw)
            .where(inbox.c.id > after, inbox.c.state != NEW)
            .order_by(inbox.c.id)
            .limit(BATCH)
        )
        others = await self._chats_of_group(traces.group, (await self._cases(traces)).told)
        for row in found:
            where = (row.platform, row.chat)
            if where in traces.chats or traces.theirs(row.raw):
                await self._db.execute(sa.delete(inbox).where(inbox.c.id == row.id))
            elif where in others and traces.named(row.raw):
                await self._rows.update(inbox, row.id, raw={})
        return (found[-1].id if found else None), False

    async def _outbox(self, traces: Traces, after: int, now: datetime) -> _Looked:
        found = await self._rows.all(
            sa.select(
                outbox.c.seq, outbox.c.platform, outbox.c.chat, outbox.c.body, outbox.c.member,
                outbox.c.state, outbox.c.key, outbox.c.target, outbox.c.purpose,
            )
            .where(outbox.c.seq > after)
            .order_by(outbox.c.seq)
            .limit(BATCH)
        )  # fmt: skip
        people = await self._people_of(traces.group)
        asked = await self._asked_operators(traces.group)
        cases = await self._cases(traces)
        allies = cases.told - people
        patient = now < traces.asked_at + PATIENCE
        for row in found:
            to_them = (row.platform, row.chat) in traces.chats or row.member == traces.member
            of_group = row.member in people or not asked.isdisjoint((row.key, row.target))
            of_group = of_group or ":".join(row.purpose.split(":")[:2]) in cases.purposes
            about = (of_group or row.member in allies) and traces.named(row.body)
            if not to_them and not about:
                continue
            if row.state in WAITING and patient:
                return after, True
            if not (to_them or of_group) and row.state in WAITING and not row.target:
                continue  # perhaps an alarm of another group, about somebody of the same name
            if to_them:
                await self._db.execute(sa.delete(outbox).where(outbox.c.seq == row.seq))
            else:
                await self._rows.update(outbox, row.seq, body=NOTHING)
        return (found[-1].seq if found else None), False

    async def _prompts(self, traces: Traces, after: int, now: datetime) -> _Looked:
        found = await self._rows.all(
            sa.select(
                prompts.c.id, prompts.c.member, prompts.c.options, prompts.c.text,
                prompts.c.closed_at, prompts.c.outbox_key, prompts.c.topic, prompts.c.ref,
            )
            .where(prompts.c.id > after)
            .order_by(prompts.c.id)
            .limit(BATCH)
        )  # fmt: skip
        people = await self._people_of(traces.group)
        asked = await self._asked_operators(traces.group)
        cases = await self._cases(traces)
        for row in found:
            of_group = row.member in people or row.outbox_key in asked
            of_group = of_group or f"{row.topic}:{row.ref}" in cases.purposes
            if not of_group or not traces.named([row.options, row.text]):
                continue
            if row.closed_at is not None:
                await self._db.execute(sa.delete(prompts).where(prompts.c.id == row.id))
                continue
            await self._rows.update(
                prompts, row.id, options=traces.without(row.options), text=traces.without(row.text)
            )
        return (found[-1].id if found else None), False

    async def _dialogs(self, traces: Traces, after: int, now: datetime) -> _Looked:
        found = await self._rows.all(
            sa.select(dialogs.c.id, dialogs.c.platform, dialogs.c.chat, dialogs.c.data)
            .where(dialogs.c.id > after)
            .order_by(dialogs.c.id)
            .limit(BATCH)
        )
        others = await self._chats_of_group(traces.group, (await self._cases(traces)).told)
        for row in found:
            if (row.platform, row.chat) in others and traces.named(row.data):
                await self._rows.update(dialogs, row.id, data=traces.without(row.data))
        return (found[-1].id if found else None), False

    async def _events(self, traces: Traces, after: int, now: datetime) -> _Looked:
        """Their words on timelines are erased; in others' words they are a number."""
        found = await self._rows.all(
            sa.select(incident_events.c.id, incident_events.c.actor, incident_events.c.details)
            .where(
                incident_events.c.id > after,
                incident_events.c.incident_id.in_((await self._cases(traces)).ids),
            )
            .order_by(incident_events.c.id)
            .limit(BATCH)
        )
        for row in found:
            details = traces.without(row.details)
            if row.actor == traces.member and "text" in details:
                details["text"] = "…"
            if details != row.details:
                await self._rows.update(incident_events, row.id, details=details)
        return (found[-1].id if found else None), False

    async def _trips(self, traces: Traces, after: int, now: datetime) -> _Looked:
        of_group = trips.c.member_id.in_(self._members(traces.group))
        return await self._without(traces, trips, "title", of_group, after), False

    async def _stages(self, traces: Traces, after: int, now: datetime) -> _Looked:
        of_group = stages.c.trip_id.in_(self._trips_of(traces.group))
        return await self._without(traces, stages, "place", of_group, after), False

    async def _companions(self, traces: Traces, after: int, now: datetime) -> _Looked:
        of_group = companions.c.trip_id.in_(self._trips_of(traces.group))
        return await self._without(traces, companions, "name", of_group, after), False

    async def _whereabouts(self, traces: Traces, after: int, now: datetime) -> _Looked:
        of_group = whereabouts.c.member_id.in_(self._members(traces.group))
        return await self._without(traces, whereabouts, "content", of_group, after), False

    async def _without(
        self, traces: Traces, table: sa.Table, column: str, of: sa.ColumnElement[bool], after: int
    ) -> int | None:
        """In what others wrote they are called what they are called now."""
        found = await self._rows.all(
            sa.select(table.c.id, table.c[column])
            .where(table.c.id > after, of)
            .order_by(table.c.id)
            .limit(BATCH)
        )
        for id, value in found:
            changed = traces.without(value)
            if changed != value:
                await self._rows.update(table, id, **{column: changed})
        return found[-1].id if found else None

    def _members(self, group: int) -> sa.Select[int]:
        return sa.select(members.c.id).where(members.c.group_id == group)

    def _trips_of(self, group: int) -> sa.Select[int]:
        return sa.select(trips.c.id).where(trips.c.member_id.in_(self._members(group)))

    async def _care(self, traces: Traces, after: int, now: datetime) -> _Looked:
        """In what others wrote to keep, they are a number. Small tables, looked through at once."""
        for table, columns in (
            (care_entries, ("name", "text")),
            (complaints, ("text", "answer")),
            (feedback, ("words",)),
        ):
            found = await self._rows.all(
                sa.select(table.c.id, *(table.c[name] for name in columns)).where(
                    table.c.group_id == traces.group
                )
            )
            for row in found:
                was = {name: getattr(row, name) for name in columns}
                values = {name: traces.without(value) for name, value in was.items()}
                if values != was:
                    await self._rows.update(table, row.id, **values)
        return None, False

    async def _asked_operators(self, group: int) -> frozenset[str]:
        """The messages in which operators were asked to be a group's second person."""
        about = sa.select(decisions.c.id).where(decisions.c.group_id == group)
        found = await self._db.execute(
            sa.select(prompts.c.outbox_key).where(
                prompts.c.topic == "decision", prompts.c.member.is_(None), prompts.c.ref.in_(about)
            )
        )
        return frozenset(found.scalars())

    async def _people_of(self, group: int) -> frozenset[int]:
        found = await self._db.execute(sa.select(members.c.id).where(members.c.group_id == group))
        return frozenset(found.scalars())

    async def _cases(self, traces: Traces) -> _Cases:
        """The group's incidents, of which people of other groups may have been told; and those of
        other groups of which the person was."""
        found = await self._db.execute(
            sa.select(incidents.c.id, incidents.c.group_id, incidents.c.mass_id, incidents.c.told)
        )
        cases = _Cases()
        for id, group, mass, told in found:
            if group == traces.group or traces.member in told:
                cases.ids.add(id)
                cases.purposes |= {f"incident:{id}", f"mass:{mass}"}
                cases.told |= set(told)
        return cases

    async def _chats_of_group(
        self, group: int, others: Collection[int] = ()
    ) -> set[tuple[str, str]]:
        """Of its members, and of these people."""
        found = await self._rows.all(
            sa.select(accounts.c.id, accounts.c.platform, accounts.c.chat)
            .join(members, members.c.id == accounts.c.member_id)
            .where((members.c.group_id == group) | members.c.id.in_(others))
        )
        return {(row.platform, row.chat) for row in found}


@dataclass
class _Cases:
    """Incidents that somebody is in: what begins the purposes of messages about them and about their
    mass events, and who was told, of whatever group."""

    ids: set[int] = field(default_factory=set)
    purposes: set[str] = field(default_factory=set)
    told: set[int] = field(default_factory=set)


NOTHING: Mapping[str, Any] = {"text": [["…", "plain"]], "buttons": []}
"""What is kept of a message that was sent and spoke of them."""

ALL = -1
"""In `erasures.done`: nothing of this table is left to look through."""

_Looked = tuple[int | None, bool]
_Look = Callable[[Traces, int, datetime], Awaitable[_Looked]]
