"""Groups, members and their accounts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.decision import Candidate
from bot.domain.duress import Words
from bot.domain.people import Life, Risk, Role, Roster, name_key
from bot.domain.permissions import Action, may
from bot.domain.plan import DEFAULT_PLAN, Plan
from bot.domain.quiet import Quiet
from storage.rows import Query, Rows, of_many, param
from storage.tables import accounts, alliance_people, alliances, groups, members


@dataclass(frozen=True, slots=True)
class Group:
    """A solidarity group. `plan` is None until somebody writes one; on the platforms in `bare` its
    alarms name nobody and drafts are not shown."""

    id: int
    name: str
    organisation: str
    language: str
    zone: str
    plan: Plan | None
    bare: frozenset[str]


@dataclass(frozen=True, slots=True)
class Account:
    """A platform identity of a member, and the private chat with it.

    `suspended_at`: since then it is in other hands as far as the group knows. Nothing goes there but
    deletions, and what comes from there is not heard.
    """

    id: int
    member: int
    platform: str
    address: str
    chat: str
    reachable: bool
    used_at: datetime
    suspended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a group. `name` is the pseudonym that the person chose.

    `plan` is the last one that they agreed to, None if that is the one they were told of when they
    joined; `withdrawn_at` when they took their consent back. `invited_by` let them in; None is an
    operator. `left_at`: they are in the group no more, and their name is not theirs.
    """

    id: int
    group: int
    name: str
    language: str
    zone: str
    roles: frozenset[Role]
    plan: Plan | None
    subscribed: bool
    risk: Risk
    joined_at: datetime
    invited_by: int | None
    withdrawn_at: datetime | None
    left_at: datetime | None

    @property
    def agreed_plan(self) -> Plan:
        """What happens about this person: nothing that they have not agreed to."""
        return self.plan or DEFAULT_PLAN


@dataclass(frozen=True, slots=True)
class Reach:
    """A chat in which a member can be told something, and how to speak there."""

    platform: str
    chat: str
    language: str
    zone: str


OPERATOR = "operator:"
"""What the address of an operator's second entry begins with: the canary's reader, who is nobody's
member. No platform has such an address."""


def _plan(value: Any | None) -> Plan | None:
    return Plan.from_json(value) if value else None


_MEMBER = [
    members.c[name]
    for name in (
        "id", "group_id", "name", "language", "zone", "roles", "plan", "subscribed", "risk",
        "joined_at", "invited_by", "withdrawn_at", "left_at",
    )
]  # fmt: skip
_ACCOUNT = [
    accounts.c[name]
    for name in (
        "id", "member_id", "platform", "address", "chat", "reachable", "used_at", "suspended_at",
    )
]  # fmt: skip
_GROUP = [
    groups.c[name]
    for name in ("id", "name", "organisation", "language", "zone", "plan", "bare")
]


def _member(row: sa.Row[Any]) -> Member:
    id, group, name, language, zone, roles, plan, subscribed, risk, *more = tuple(row)
    held = frozenset(Role(r) for r in roles)
    return Member(id, group, name, language, zone, held, _plan(plan), subscribed, Risk(risk), *more)


def _group(row: sa.Row[Any]) -> Group:
    id, name, organisation, language, zone, plan, bare = tuple(row)
    return Group(id, name, organisation, language, zone, _plan(plan), frozenset(bare))


def _members_of(group: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    return (members.c.group_id == group) & members.c.left_at.is_(None)


# The statements of every turn, made once.
_ID, _PLATFORM, _KEY = (param(name) for name in ("of", "on", "by"))
_GROUP_BY_ID = Query(sa.select(*_GROUP).where(groups.c.id == _ID))
_MEMBER_BY_ID = Query(sa.select(*_MEMBER).where(members.c.id == _ID))
_MEMBERS_OF_GROUP = Query(sa.select(*_MEMBER).where(_members_of(_ID)).order_by(members.c.id))
_DURESS = Query(sa.select(members.c.duress, members.c.id).where(members.c.id == _ID))
_MEMBERS = Query(sa.select(*_MEMBER).where(of_many(members.c.id)))
_QUIETS = Query(
    sa.select(members.c.quiet, members.c.id).where(
        of_many(members.c.id), members.c.quiet.is_not(None)
    )
)
_QUIET = Query(sa.select(members.c.quiet, members.c.id).where(members.c.id == _ID))
_ROLES = sa.union_all(
    sa.select(
        members.c.id, members.c.roles, members.c.zone, members.c.risk, sa.null().label("ally")
    ).where(_members_of(_ID)),
    sa.select(
        members.c.id, members.c.roles, members.c.zone, members.c.risk, members.c.group_id
    )
    .join(alliance_people, alliance_people.c.member_id == members.c.id)
    .join(alliances, alliances.c.id == alliance_people.c.alliance_id)
    .where(
        alliances.c.group_id == _ID,
        alliances.c.agreed_at.is_not(None),
        alliance_people.c.agreed_at.is_not(None),
        members.c.left_at.is_(None),
    ),
)
"""Who has which role in a group, and who of others answers for it."""
_CANCEL_WORDS = Query(sa.select(members.c.cancel_words, members.c.id).where(members.c.id == _ID))
_ACCOUNT_BY_ADDRESS = Query(
    sa.select(*_ACCOUNT).where(accounts.c.platform == _PLATFORM, accounts.c.address_key == _KEY)
)
_ACCOUNT_BY_CHAT = Query(
    sa.select(*_ACCOUNT).where(
        accounts.c.platform == _PLATFORM, accounts.c.chat_key == _KEY, ~accounts.c.operator
    )
)
_ACCOUNTS_OF = Query(
    sa.select(*_ACCOUNT)
    .where(accounts.c.member_id == _ID)
    .order_by(accounts.c.used_at.desc(), accounts.c.id)
)


_ACCOUNTS_OF_MANY = Query(
    sa.select(*_ACCOUNT)
    .where(of_many(accounts.c.member_id))
    .order_by(accounts.c.used_at.desc(), accounts.c.id)
)


class People:
    """Who is in which group, and how to reach them."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    # groups

    async def add_group(
        self, name: str, organisation: str, language: str, zone: str, now: datetime
    ) -> int:
        """A new group; the caller has checked that the name is free."""
        return await self._rows.insert(
            groups,
            name=name,
            organisation=organisation,
            language=language,
            zone=zone,
            created_at=now,
        )

    async def group(self, id: int) -> Group:
        """By number."""
        (row,) = await self._rows.all(_GROUP_BY_ID, of=id)
        return _group(row)

    async def groups(self) -> list[Group]:
        """Every group of the installation."""
        return [_group(row) for row in await self._rows.all(sa.select(*_GROUP).order_by(groups.c.id))]

    async def group_named(self, name: str) -> Group | None:
        """By name as the operator writes it."""
        here = groups.c.name_key == self._rows.blind(groups.c.name_key, name)
        row = await self._rows.one(sa.select(*_GROUP).where(here))
        return _group(row) if row else None

    async def group_called(self, name: str) -> Group | None:
        """By name as people write it, accents and case forgiven; the oldest of several."""
        wanted = name_key(name)
        found = await self._rows.all(sa.select(*_GROUP).order_by(groups.c.id))
        return next((_group(row) for row in found if name_key(row.name) == wanted), None)

    async def set_plan(self, plan: Plan | None, *, group: int) -> None:
        """The group's plan, or none of its own. It acts on who agrees to it, and all are to be asked."""
        await self._rows.update(groups, group, plan=plan.to_json() if plan else None)
        await self._db.execute(
            sa.update(members).where(members.c.group_id == group).values(asked_at=None)
        )

    async def set_bare(self, group: int, platforms: Collection[str]) -> None:
        """Where the group's alarms name nobody."""
        await self._rows.update(groups, group, bare=sorted(platforms))

    async def next_number(self, group: int, what: str) -> int:
        """Count `incidents` or `denunciations` of a group up by one."""
        column = groups.c[what]
        return (
            await self._db.execute(
                sa.update(groups)
                .where(groups.c.id == group)
                .values({column: column + 1})
                .returning(column)
            )
        ).scalar_one()

    async def skip_numbers(self, by: int) -> None:
        """The next incident, drill and denunciation of each group has a number further ahead."""
        counted = (groups.c.incidents, groups.c.drills, groups.c.denunciations)
        await self._db.execute(sa.update(groups).values({c: c + by for c in counted}))

    # members

    async def add_member(
        self,
        group: int,
        name: str,
        language: str,
        zone: str,
        roles: Collection[Role],
        now: datetime,
        *,
        invited_by: int | None = None,
        plan: Plan | None = None,
    ) -> int:
        """A new member; the caller has checked that the name is free. `plan`: agreed to already."""
        return await self._rows.insert(
            members,
            group_id=group,
            name=name,
            language=language,
            zone=zone,
            roles=sorted(roles),
            plan=plan.to_json() if plan else None,
            joined_at=now,
            invited_by=invited_by,
        )

    async def member(self, id: int) -> Member:
        """By number."""
        (row,) = await self._rows.all(_MEMBER_BY_ID, of=id)
        return _member(row)

    async def members(self, ids: Sequence[int]) -> dict[int, Member]:
        """Those with these numbers."""
        return {row.id: _member(row) for row in await self._rows.many(_MEMBERS, ids)}

    async def member_named(self, group: int, name: str) -> Member | None:
        """By pseudonym within a group, accents and case forgiven."""
        row = await self._rows.one(
            sa.select(*_MEMBER).where(
                members.c.group_id == group,
                members.c.name_key == self._rows.blind(members.c.name_key, name, group),
                members.c.left_at.is_(None),
            )
        )
        return _member(row) if row else None

    async def member_like(self, group: int, name: str) -> Member | None:
        """Somebody in a group whose name looks like this one (`bot.domain.names.looks`)."""
        look = self._rows.blind(members.c.look_key, name, group)
        row = await self._rows.one(
            sa.select(*_MEMBER).where(
                members.c.group_id == group, members.c.look_key == look, members.c.left_at.is_(None)
            )
        )
        return _member(row) if row else await self.member_named(group, name)

    async def set_member(self, id: int, **values: Any) -> None:
        """Change language, zone, roles, risk or subscription."""
        if "roles" in values:
            values["roles"] = sorted(values["roles"])
        await self._db.execute(sa.update(members).where(members.c.id == id).values(**values))

    async def rename(self, member: Member, name: str) -> None:
        """Another pseudonym; the caller has checked that it is free."""
        former = [*await self.former_names(member.id), member.name]
        await self._rows.update(
            members, member.id, group_id=member.group, name=name, former=former
        )

    async def former_names(self, member: int) -> list[str]:
        """What they were called before: to be looked for if they are to be erased."""
        query = sa.select(members.c.former, members.c.id).where(members.c.id == member)
        return list(await self._rows.one_value(query) or ())

    async def in_group(self, group: int) -> list[Member]:
        """Everyone in it who has not left."""
        return [_member(row) for row in await self._rows.all(_MEMBERS_OF_GROUP, of=group)]

    async def candidates(self, group: int) -> list[Candidate]:
        """Those who coordinate a group, for whom they were let in by."""
        return [
            Candidate(member.id, member.invited_by, member.joined_at)
            for member in await self.in_group(group)
            if Role.COORDINATOR in member.roles
        ]

    # consent

    async def agree(self, member: int, plan: Plan, now: datetime) -> None:
        """This is what happens about them from now on."""
        await self._rows.update(
            members, member, plan=plan.to_json(), agreed_at=now, withdrawn_at=None
        )

    async def agreed_since(self, group: int, since: datetime) -> frozenset[int]:
        """Who of a group agreed to a plan at or after that instant."""
        found = await self._db.execute(
            sa.select(members.c.id).where(_members_of(sa.literal(group)), members.c.agreed_at >= since)
        )
        return frozenset(found.scalars())

    async def withdraw(self, member: int, now: datetime) -> None:
        """No silence of theirs is to tell anybody from now on; the last plan stays for a panic."""
        await self._rows.update(members, member, withdrawn_at=now)

    async def to_ask(self, group: int, limit: int) -> list[Member]:
        """Some who were not asked yet what they say to the group's plan as it is now."""
        found = await self._rows.all(
            sa.select(*_MEMBER)
            .where(
                members.c.group_id == group,
                members.c.left_at.is_(None),
                members.c.asked_at.is_(None),
            )
            .order_by(members.c.id)
            .limit(limit)
        )
        return [_member(row) for row in found]

    async def asked(self, member: int, now: datetime) -> None:
        """They were asked what they say to the plan as it is now."""
        await self._rows.update(members, member, asked_at=now)

    async def roster(self, group: int) -> Roster:
        """Who of the group may be told of incidents."""
        found = (await self._db.execute(_ROLES, {"of": group})).all()
        people = [(id, frozenset(roles)) for id, roles, _, _, ally in found if ally is None]
        allies: dict[int, set[int]] = {}
        for id, roles, _, _, ally in found:
            if ally is not None and may([Role(r) for r in roles], Action.RESPOND):
                allies.setdefault(ally, set()).add(id)

        def having(role: Role) -> frozenset[int]:
            return frozenset(id for id, roles in people if role in roles)

        return Roster(
            having(Role.RESPONDER),
            having(Role.COORDINATOR),
            having(Role.OBSERVER),
            lives={
                id: Life(zone, Risk(risk)) for id, _, zone, risk, ally in found if ally is None
            },
            allies={ally: frozenset(answer) for ally, answer in allies.items()},
        )

    # quiet hours

    async def quiet(self, member: int) -> Quiet | None:
        """When a member's schedules ask nothing."""
        kept = await self._rows.one_value(_QUIET, of=member)
        return Quiet.from_json(kept) if kept else None

    async def quiets(self, ids: Sequence[int]) -> dict[int, Quiet]:
        """The same of those of these members who have such hours."""
        found = await self._rows.many(_QUIETS, ids)
        return {row.id: Quiet.from_json(row.quiet) for row in found}

    async def set_quiet(self, member: int, quiet: Quiet | None) -> None:
        """Other hours from now on, or none."""
        await self._rows.update(members, member, quiet=quiet.to_json() if quiet else None)

    # duress

    async def duress(self, member: int) -> Words | None:
        """What is kept of a member's words of duress."""
        kept = await self._rows.one_value(_DURESS, of=member)
        return Words(*kept) if kept else None

    async def set_duress(self, member: int, words: Words | None) -> None:
        """Other words from now on, or none."""
        await self._rows.update(members, member, duress=words.to_json() if words else None)

    async def rehearsal(self, member: int) -> datetime | None:
        """Until when the words only show that they work."""
        return (
            await self._db.execute(
                sa.select(members.c.rehearsal_until).where(members.c.id == member)
            )
        ).scalar_one()

    async def set_rehearsal(self, member: int, until: datetime | None) -> None:
        """Until then; None: it is over."""
        await self._rows.update(members, member, rehearsal_until=until)

    # the words that take back an alarm

    async def cancel_words(self, member: int) -> tuple[Words, datetime] | None:
        """What is kept of them, and since when; None if there are none."""
        kept = await self._rows.one_value(_CANCEL_WORDS, of=member)
        return (Words(*kept[:2]), datetime.fromisoformat(kept[2])) if kept else None

    async def set_cancel_words(self, member: int, words: Words | None, now: datetime) -> None:
        """Others from now on, or none."""
        kept = [*words.to_json(), now.isoformat()] if words else None
        await self._rows.update(members, member, cancel_words=kept)

    # accounts

    async def suspend(self, account: int, now: datetime) -> None:
        """It is in other hands."""
        await self._rows.update(accounts, account, suspended_at=now, reachable=False)

    async def restore(self, account: int, chat: str, now: datetime) -> None:
        """It is the person's again."""
        await self._rows.update(
            accounts, account, suspended_at=None, reachable=True, chat=chat, used_at=now
        )

    async def add_account(
        self, member: int, platform: str, address: str, chat: str, now: datetime
    ) -> int:
        """A further way to reach somebody."""
        return await self._rows.insert(
            accounts,
            member_id=member,
            platform=platform,
            address=address,
            chat=chat,
            operator=address.startswith(OPERATOR),
            reachable=True,
            used_at=now,
        )

    async def account(self, platform: str, address: str) -> Account | None:
        """By the platform's id of the person."""
        key = self._rows.blind(accounts.c.address_key, address)
        row = await self._rows.one(_ACCOUNT_BY_ADDRESS, on=platform, by=key)
        return Account(*row) if row else None

    async def account_numbered(self, id: int) -> Account | None:
        """By its number."""
        row = await self._rows.one(sa.select(*_ACCOUNT).where(accounts.c.id == id))
        return Account(*row) if row else None

    async def account_in(self, platform: str, chat: str) -> Account | None:
        """By the private chat."""
        key = self._rows.blind(accounts.c.chat_key, chat)
        row = await self._rows.one(_ACCOUNT_BY_CHAT, on=platform, by=key)
        return Account(*row) if row else None

    async def accounts_of(self, member: int) -> list[Account]:
        """All of a member's, the one used last first."""
        return [Account(*row) for row in await self._rows.all(_ACCOUNTS_OF, of=member)]

    async def accounts_of_all(self, ids: Sequence[int]) -> dict[int, list[Account]]:
        """The same of each of these members."""
        found: dict[int, list[Account]] = {id: [] for id in ids}
        for row in await self._rows.many(_ACCOUNTS_OF_MANY, ids):
            found[row.member_id].append(Account(*row))
        return found

    async def reachable(self) -> list[Reach]:
        """Every account of everybody in every group, as far as it works."""
        found = await self._rows.all(
            sa.select(
                accounts.c.id, accounts.c.platform, accounts.c.chat, members.c.language,
                members.c.zone,
            )
            .join(members, members.c.id == accounts.c.member_id)
            .where(members.c.left_at.is_(None), accounts.c.reachable, ~accounts.c.operator)
            .order_by(accounts.c.id)
        )  # fmt: skip
        return [Reach(*row[1:]) for row in found]

    async def subscribers(self, group: int) -> list[Account]:
        """Of everyone in a group who receives denunciations, the account to send them to."""
        found = await self._rows.all(
            sa.select(*_ACCOUNT)
            .join(members, members.c.id == accounts.c.member_id)
            .where(
                members.c.group_id == group,
                members.c.left_at.is_(None),
                members.c.subscribed,
                accounts.c.reachable,
            )
            .order_by(accounts.c.member_id, accounts.c.used_at.desc(), accounts.c.id)
        )
        first: dict[int, Account] = {}
        for row in found:
            first.setdefault(row.member_id, Account(*row))
        return list(first.values())

    async def used(self, account: Account, chat: str, now: datetime) -> None:
        """The person wrote from it: it works, and is the one they have at hand."""
        if account.reachable and account.chat == chat:
            await self._rows.update(accounts, account.id, used_at=now)
        else:
            await self._rows.update(
                accounts, account.id, chat=chat, reachable=True, used_at=now
            )

    async def set_reachable(self, account: int, reachable: bool) -> bool:
        """Whether messages arrive there. Returns whether that is news."""
        changed = await self._db.execute(
            sa.update(accounts)
            .where(
                accounts.c.id == account,
                accounts.c.reachable != reachable,
                accounts.c.suspended_at.is_(None),
            )
            .values(reachable=reachable)
        )
        return changed.rowcount == 1

    async def reached(self, ids: Collection[int]) -> frozenset[int]:
        """Those of these members who have an account that works."""
        found = await self._db.execute(
            sa.select(accounts.c.member_id).where(
                accounts.c.member_id.in_(list(ids)), accounts.c.reachable
            )
        )
        return frozenset(found.scalars())

    async def platforms_of(self, ids: Collection[int]) -> dict[int, frozenset[str]]:
        """On which platforms each of these members can be reached; who on none, is not in it."""
        found = await self._db.execute(
            sa.select(accounts.c.member_id, accounts.c.platform).where(
                accounts.c.member_id.in_(list(ids)), accounts.c.reachable, ~accounts.c.operator
            )
        )
        platforms: dict[int, frozenset[str]] = {}
        for member, platform in found:
            platforms[member] = platforms.get(member, frozenset()) | {platform}
        return platforms

    async def move_chat(self, platform: str, old: str, new: str) -> None:
        """A private chat has a new id."""
        here = sa.select(accounts.c.id).where(self._in_chat(platform, old))
        for id in (await self._db.execute(here)).scalars().all():
            await self._rows.update(accounts, id, chat=new)

    def _in_chat(self, platform: str, chat: str) -> sa.ColumnElement[bool]:
        key = self._rows.blind(accounts.c.chat_key, chat)
        return (accounts.c.platform == platform) & (accounts.c.chat_key == key)
