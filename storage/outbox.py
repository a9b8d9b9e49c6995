"""The outbox: every message to send, in lanes, with a lease while it is being sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from bot.domain.arrival import hopeful
from bot.domain.lanes import Lane
from storage.fence import ACTING, owned
from storage.rows import Query, Rows, among, of_many, param
from storage.tables import outbox

QUEUED, LEASED, SENDING = "queued", "leased", "sending"
SENT, FAILED, UNKNOWN = "sent", "failed", "unknown"
WAITING = (QUEUED, LEASED, SENDING)
"""States in which a row still has work to do."""
CLAIMING = 0x41435545_52504133
"""PostgreSQL's lock for whoever claims: any number that nobody else uses."""

WITHDRAWN = "withdrawn"
"""The error of a row that did not leave because it had become wrong."""


@dataclass(frozen=True, slots=True)
class Row:
    """One message to send.

    `chat_key` is the blind index of `chat`. `target` names what an edit or a deletion is about, or what
    a message answers to: the key of an earlier row. `target_message`
    in the body is a platform's own id, for a toast. `purpose` says what it is for
    ("incident:12:alarm"), and who hears of its outcome.
    """

    seq: int
    key: str
    lane: Lane
    platform: str
    chat: str
    chat_key: bytes
    chat_kind: str
    operation: str
    body: Mapping[str, Any]
    target: str
    purpose: str
    member: int | None
    state: str
    attempts: int
    created_at: datetime
    message_id: str
    error: str
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """One that is to be queued; see `Row`."""

    key: str
    lane: Lane
    platform: str
    chat: str
    chat_kind: str
    operation: str
    body: Mapping[str, Any]
    target: str = ""
    purpose: str = ""
    member: int | None = None


_COLUMNS = [
    outbox.c[name]
    for name in (
        "seq", "key", "lane", "platform", "chat", "chat_key", "chat_kind", "operation", "body", "target",
        "purpose", "member", "state", "attempts", "created_at", "message_id", "error", "done_at",
    )
]  # fmt: skip


def _row(found: Any) -> Row:
    values = found._asdict()
    message_id = values["message_id"] or ""
    return Row(**{**values, "lane": Lane(values["lane"]), "message_id": message_id})


# The statements of every turn, made once.
_KEY, _PLATFORM = param("known"), param("on")
_LEFT_AS = Query(
    sa.select(outbox.c.seq, outbox.c.message_id).where(outbox.c.key == _KEY, outbox.c.state == SENT)
)
_BY_KEY = Query(sa.select(*_COLUMNS).where(outbox.c.key == _KEY))


@lru_cache(16)
def _begun(owner: str, expired: bool) -> Query:
    """What was claimed under a name. That of a worker is never asked for twice."""
    begun = (
        sa.select(*_COLUMNS)
        .where(
            outbox.c.platform == _PLATFORM,
            among(outbox.c.state, (LEASED, SENDING)),
            owned(outbox.c.owner, owner),
        )
        .order_by(outbox.c.seq)
    )
    return Query(begun.where(outbox.c.lease_until <= param("now")) if expired else begun)


_OF_PURPOSE = Query(
    sa.select(
        outbox.c.seq, outbox.c.platform, outbox.c.chat, outbox.c.state, outbox.c.created_at
    ).where(outbox.c.purpose == param("why"))
)


_PURPOSES = Query(sa.select(outbox.c.purpose).where(of_many(outbox.c.purpose)).distinct())
_WITHDRAW = (
    sa.update(outbox)
    .where(outbox.c.purpose == param("why"), outbox.c.state == QUEUED)
    .values(state=FAILED, error=WITHDRAWN, done_at=param("now"))
)
_WITHDRAW_IN = _WITHDRAW.where(
    outbox.c.platform == _PLATFORM, outbox.c.chat_key == param("there")
)


_ORIGINAL = outbox.alias("original")
_IS_FREE = sa.and_(
    outbox.c.state == QUEUED,
    # An edit waits for what it is about, however long that takes.
    ~sa.exists().where(_ORIGINAL.c.key == outbox.c.target, among(_ORIGINAL.c.state, WAITING)),
)
_MAY_LEAVE = sa.and_(
    outbox.c.platform == _PLATFORM, _IS_FREE, outbox.c.not_before <= param("now")
)
_NEXT_DUE = sa.select(sa.func.min(outbox.c.not_before)).where(_IS_FREE)
_LANES = sa.union_all(
    # For each whether there is one: to look at all that wait would take longer the more do.
    *(
        sa.select(sa.literal_column(str(int(lane)), sa.Integer).label("lane")).where(
            sa.exists().where(_MAY_LEAVE, outbox.c.lane == sa.literal_column(str(int(lane))))
        )
        for lane in Lane
    )
)


_ELSEWHERE = outbox.alias("elsewhere")
_BEGUN_ELSEWHERE = sa.select(_ELSEWHERE.c.chat_key).where(
    _ELSEWHERE.c.platform == _PLATFORM,
    among(_ELSEWHERE.c.state, (LEASED, SENDING)),
    _ELSEWHERE.c.owner != param("who"),
)
"""Chats in which another process is sending: what comes after must not overtake it."""


_LEFT_OUT = (0, 16, 64, 256, 1024)
"""How many chats a statement that claims can leave out: a list of any length would be put together anew
each time that it runs."""


@lru_cache(2 * len(_LEFT_OUT))
def _claim(acting: sa.ColumnElement[bool], left_out: int, several: bool) -> Query:
    """`left_out`: how many chats are. `several`: other processes claim too."""
    free = (
        sa.select(outbox.c.seq)
        .where(
            _MAY_LEAVE,
            outbox.c.lane.between(param("first"), param("last")),
            acting,
            outbox.c.chat_key.not_in([param(f"without{n}") for n in range(left_out)])
            if left_out
            else sa.true(),
            outbox.c.chat_key.not_in(_BEGUN_ELSEWHERE) if several else sa.true(),
        )
        .order_by(outbox.c.lane, outbox.c.seq)
        .limit(sa.bindparam("most", type_=sa.Integer))
        .with_for_update(skip_locked=True)
    )
    return Query(
        sa.update(outbox)
        .where(outbox.c.seq.in_(free))
        .values(
            state=LEASED,
            lease_until=param("until"),
            owner=param("who"),
            attempts=outbox.c.attempts + 1,
        )
        .returning(*_COLUMNS)
    )


@lru_cache(64)
def _change(acting: sa.ColumnElement[bool], names: tuple[str, ...]) -> sa.Update:
    """Of a row that still has work to do; `untried` is by how much fewer its attempts become."""
    values: dict[str, Any] = {name: param(f"new_{name}") for name in names}
    values["attempts"] = outbox.c.attempts - sa.bindparam("untried", type_=sa.Integer)
    return (
        sa.update(outbox)
        .where(outbox.c.key == _KEY, among(outbox.c.state, WAITING), acting)
        .values(values)
    )


class Outbox:
    """Messages to send, urgent lanes first and oldest first within a lane.

    Args:
        owner: The name under which this process claims (`storage.fence`).
    """

    def __init__(
        self, rows: Rows, acting: sa.ColumnElement[bool], owner: str = ACTING
    ) -> None:
        self._rows = rows
        self._db = rows.connection
        self._acting = acting
        self._owner = owner
        self._several = self._db.dialect.name == "postgresql"

    async def add(self, *, now: datetime, **message: Any) -> None:
        """Queue a message, given by the fields of `Message`."""
        await self.add_all([Message(**message)], now)

    async def add_all(self, messages: Sequence[Message], now: datetime) -> None:
        """Queue messages."""
        rows = [
            {
                "key": one.key,
                "lane": int(one.lane),
                "platform": one.platform,
                "chat": one.chat,
                "chat_kind": one.chat_kind,
                "operation": one.operation,
                "body": dict(one.body),
                "target": one.target,
                "purpose": one.purpose,
                "member": one.member,
                "created_at": now,
                "not_before": now,
            }
            for one in messages
        ]
        await self._rows.insert_many(outbox, rows)

    async def add_many(
        self,
        to: Sequence[tuple[str, str, str, str, int | None]],
        *,
        lane: Lane,
        operation: str,
        body: Mapping[str, Any],
        purpose: str,
        now: datetime,
        targets: Sequence[str] = (),
    ) -> None:
        """Queue one message for many: `to` is key, platform, chat, kind of chat and member.

        `targets`: for each the key of the row that it answers to, "" for none.
        """
        same = {
            "lane": int(lane),
            "operation": operation,
            "body": dict(body),
            "purpose": purpose,
            "created_at": now,
            "not_before": now,
        }
        rows = [
            {
                "key": key, "platform": platform, "chat": chat, "chat_kind": kind,
                "member": member, "target": target, **same,
            }
            for (key, platform, chat, kind, member), target in zip(
                to, targets or [""] * len(to), strict=True
            )
        ]  # fmt: skip
        await self._rows.insert_many(outbox, rows)

    async def lanes(self, platform: str, now: datetime) -> frozenset[Lane]:
        """Those in which something may leave now."""
        found = await self._db.execute(_LANES, {"on": platform, "now": now})
        return frozenset(Lane(lane) for lane in found.scalars())

    async def claim(
        self,
        platform: str,
        now: datetime,
        *,
        limit: int,
        lease: timedelta,
        lanes: Collection[Lane],
        without_chats: Collection[bytes] = (),
    ) -> list[Row]:
        """Take the most urgent rows of these lanes, which follow one another, that may leave now.

        `without_chats` are left out, named by their keys: 1,024 at the most. An edit of a message that
        has not left yet may not leave.

        Rows whose lease ended are not among them: nobody knows whether those left, see `expired`.
        """
        places = next(most for most in _LEFT_OUT if most >= len(without_chats))
        left_out = [*without_chats]
        left_out += left_out[-1:] * (places - len(left_out))
        if self._several:
            # One after the other: two that look at once would both find a chat free, and take one
            # message of it each.
            await self._db.execute(sa.select(sa.func.pg_advisory_xact_lock(CLAIMING)))
        found = await self._rows.all(
            _claim(self._acting, places, self._several),
            on=platform,
            who=self._owner,
            first=int(min(lanes)),
            last=int(max(lanes)),
            now=now,
            most=limit,
            until=now + lease,
            **{f"without{n}": key for n, key in enumerate(left_out)},
        )
        return sorted((_row(r) for r in found), key=lambda r: (r.lane, r.seq))

    async def expired(
        self, platform: str, now: datetime, *, all_leases: bool = False, owner: str = ""
    ) -> list[Row]:
        """Rows that somebody, we if no `owner` is named, began to send and did not finish.
        `all_leases` after a restart, and of an owner that ended."""
        whose = owner or self._owner
        if all_leases:
            found = await self._rows.all(_begun(whose, False), on=platform)
        else:
            found = await self._rows.all(_begun(whose, True), on=platform, now=now)
        return [_row(r) for r in found]

    async def begin(self, key: str) -> bool:
        """It leaves now: from here on, a crash leaves its end unknown. False if it is not ours."""
        changed = await self._db.execute(
            sa.update(outbox)
            .where(outbox.c.key == key, outbox.c.state == LEASED, self._acting)
            .values(state=SENDING)
        )
        return changed.rowcount == 1

    async def again(self, key: str, at: datetime, error: str, *, tried: bool = True) -> bool:
        """Give it back, to be sent at `at`. False if it is not ours any more.

        `tried` is False for one that was claimed and never left us: that was no attempt.
        """
        return await self._change(
            key, 0 if tried else 1, state=QUEUED, not_before=at, lease_until=None, error=error
        )

    async def hold_chat(self, platform: str, chat: str, until: datetime) -> list[Row]:
        """The platform asks for quiet in one chat; the others go on. Returns the rows that wait."""
        return await self._put_off(platform, chat, until, outbox.c.not_before < until)

    async def pass_over(
        self, platform: str, chat: str, now: datetime, until: datetime
    ) -> list[Row]:
        """What could leave for this chat counts as tried, without an attempt. Returns those rows."""
        ready = sa.and_(outbox.c.not_before <= now, self._acting)
        return await self._put_off(platform, chat, until, ready, tried=1)

    async def _put_off(
        self, platform: str, chat: str, until: datetime, which: sa.ColumnElement[bool],
        *, tried: int = 0,
    ) -> list[Row]:  # fmt: skip
        waits = sa.and_(
            outbox.c.platform == platform,
            outbox.c.chat_key == self._chat(chat),
            outbox.c.state == QUEUED,
            which,
        )
        found = await self._rows.all(
            sa.update(outbox)
            .where(waits)
            .values(not_before=until, attempts=outbox.c.attempts + tried)
            .returning(*_COLUMNS)
        )
        return sorted((_row(r) for r in found), key=lambda r: r.seq)

    async def finish(
        self, row: Row, state: str, now: datetime, *, message_id: str = "", error: str = ""
    ) -> bool:
        """Note how it ended. False if it was finished before."""
        sealed: dict[str, Any] = {}
        if message_id:
            sealed = self._rows.sealed(outbox, row.seq, {"message_id": message_id})
        return await self._change(
            row.key, state=state, done_at=now, lease_until=None, error=error, **sealed
        )

    async def drop_files(self, row: Row) -> None:
        """The files of a message that has ended are nowhere but in the chat from now on."""
        body = {name: value for name, value in row.body.items() if name != "files"}
        await self._rows.update(outbox, row.seq, body=body)

    async def move_chat(self, platform: str, old: str, new: str) -> None:
        """A chat has a new id: everything that waits for the old one goes to the new."""
        waiting = sa.select(outbox.c.seq).where(
            outbox.c.platform == platform,
            outbox.c.chat_key == self._chat(old),
            outbox.c.state.in_(WAITING),
        )
        for seq in (await self._db.execute(waiting)).scalars().all():
            await self._rows.update(outbox, seq, chat=new)

    def _chat(self, chat: str) -> bytes:
        return self._rows.blind(outbox.c.chat_key, chat)

    async def withdraw(
        self, purpose: str, now: datetime, *, platform: str = "", chat: str = ""
    ) -> int:
        """Rows of this purpose that have not left do not leave, in one chat or in all.

        Returns how many.
        """
        values: dict[str, Any] = {"why": purpose, "now": now}
        if chat:
            values |= {"on": platform, "there": self._chat(chat)}
        gone = await self._db.execute(_WITHDRAW_IN if chat else _WITHDRAW, values)
        return int(gone.rowcount)

    async def withdraw_chat(self, platform: str, chat: str, now: datetime) -> None:
        """Nothing that waits for this chat leaves."""
        await self._db.execute(
            sa.update(outbox)
            .where(
                outbox.c.platform == platform,
                outbox.c.chat_key == self._chat(chat),
                outbox.c.state == QUEUED,
            )
            .values(state=FAILED, error=WITHDRAWN, done_at=now)
        )

    async def unclaim(self) -> None:
        """What was being sent when this database was copied is being sent by nobody."""
        await self._db.execute(
            sa.update(outbox)
            .where(outbox.c.state.in_((LEASED, SENDING)))
            .values(state=QUEUED, lease_until=None, owner="")
        )

    async def doubt(self, lane: Lane, now: datetime) -> int:
        """Of what waits in a lane nobody knows whether it left. Returns how many rows it is."""
        return await self._end_waiting(lane, now, UNKNOWN, "restored")

    async def give_up(self, lane: Lane, now: datetime) -> int:
        """What waits in a lane does not leave any more. Returns how many rows it was."""
        return await self._end_waiting(lane, now, FAILED, WITHDRAWN)

    async def _end_waiting(self, lane: Lane, now: datetime, state: str, error: str) -> int:
        ended = await self._db.execute(
            sa.update(outbox)
            .where(
                outbox.c.state.in_(WAITING),
                outbox.c.lane == int(lane),
                # Edits and deletions do no harm twice.
                outbox.c.operation.in_(("send", "toast")),
            )
            .values(state=state, error=error, done_at=now, lease_until=None)
        )
        return int(ended.rowcount)

    async def standing(self, purpose: str) -> list[Row]:
        """Messages of this purpose that people can still see: sent, and not deleted by us."""
        found = await self._rows.all(
            sa.select(*_COLUMNS).where(outbox.c.purpose == purpose).order_by(outbox.c.seq)
        )
        return _standing([_row(r) for r in found])

    async def standing_in(self, platform: str, chat: str, since: datetime) -> list[Row]:
        """The same in one chat, of what was sent since then."""
        found = await self._rows.all(
            sa.select(*_COLUMNS)
            .where(
                outbox.c.platform == platform,
                outbox.c.chat_key == self._chat(chat),
                outbox.c.created_at >= since,
            )
            .order_by(outbox.c.seq)
        )
        return _standing([_row(r) for r in found])

    async def get(self, key: str) -> Row | None:
        """One row by its key."""
        found = await self._rows.one(_BY_KEY, known=key)
        return _row(found) if found else None

    async def left_as(self, key: str) -> str | None:
        """The platform's id of a message that was sent; None if it was not, or has none."""
        row = await self._rows.one(_LEFT_AS, known=key)
        return row.message_id if row else None

    async def by_message(self, platform: str, chat: str, message_id: str) -> Row | None:
        """The row that became this message of the platform; edits of it bear the same id."""
        found = await self._rows.one(
            sa.select(*_COLUMNS).where(
                outbox.c.platform == platform,
                outbox.c.chat_key == self._chat(chat),
                outbox.c.message_key == self._rows.blind(outbox.c.message_key, message_id),
                outbox.c.operation == "send",
            )
        )
        return _row(found) if found else None

    async def last_sent(self, platform: str) -> dict[str, str]:
        """The platform's id of the newest message in each chat, so that a reader can wait for it."""
        found = await self._rows.all(
            sa.select(outbox.c.seq, outbox.c.chat, outbox.c.message_id)
            .where(
                outbox.c.platform == platform,
                outbox.c.state == SENT,
                outbox.c.message_id.is_not(None),
                outbox.c.operation == "send",
            )
            .order_by(outbox.c.done_at, outbox.c.seq)
        )
        return {row.chat: row.message_id for row in found}

    async def tally(self, purpose: str) -> dict[str, int]:
        """How many rows of this purpose are in each state."""
        found = await self._db.execute(
            sa.select(outbox.c.state, sa.func.count())
            .where(outbox.c.purpose == purpose)
            .group_by(outbox.c.state)
        )
        return {state: count for state, count in found}

    async def unfinished(self, purpose: str) -> list[Row]:
        """Rows of this purpose that failed, or of which nobody knows."""
        found = await self._rows.all(
            sa.select(*_COLUMNS).where(
                outbox.c.purpose == purpose, outbox.c.state.in_((FAILED, UNKNOWN))
            )
        )
        return [_row(r) for r in found]

    async def unreached(
        self, purposes: Collection[str], now: datetime, since: datetime
    ) -> frozenset[int]:
        """Members for whom no row of these purposes that was queued since then arrived, nor is likely
        to arrive soon."""
        found = await self._db.execute(
            sa.select(
                outbox.c.member,
                outbox.c.state,
                outbox.c.attempts,
                outbox.c.created_at,
                outbox.c.not_before,
            ).where(
                outbox.c.purpose.in_(list(purposes)),
                outbox.c.member.is_not(None),
                outbox.c.created_at >= since,
                outbox.c.error != WITHDRAWN,
            )
        )
        hope: dict[int, bool] = {}
        for member, state, attempts, created_at, not_before in found:
            arrives = state == SENT or (
                state in WAITING
                and hopeful(attempts=attempts, age=now - created_at, wait=not_before - now)
            )
            hope[member] = hope.get(member, False) or arrives
        return frozenset(member for member, hopes in hope.items() if not hopes)

    async def chats_of(
        self, purpose: str, since: datetime | None = None
    ) -> dict[tuple[str, str], bool]:
        """Where rows of this purpose that were queued since then were to go, by platform and chat,
        and whether one arrived."""
        found = await self._rows.all(_OF_PURPOSE, why=purpose)
        arrived: dict[tuple[str, str], bool] = {}
        for _, platform, chat, state, created_at in found:
            if since is not None and created_at < since:
                continue
            arrived[platform, chat] = arrived.get((platform, chat), False) or state == SENT
        return arrived

    async def known_purposes(self, purposes: Sequence[str]) -> frozenset[str]:
        """Those of these for which there is any row."""
        found = await self._rows.many(_PURPOSES, purposes)
        return frozenset(row.purpose for row in found)

    async def arrived(self, purpose: str, before: datetime) -> frozenset[int]:
        """The members to whom a row of this purpose that was queued until then arrived."""
        found = await self._db.execute(
            sa.select(outbox.c.member).where(
                outbox.c.purpose == purpose,
                outbox.c.state == SENT,
                outbox.c.created_at <= before,
                outbox.c.member.is_not(None),
            )
        )
        return frozenset(found.scalars())

    async def aside(self) -> list[Row]:
        """Messages that a person should know of: they failed, or nobody knows whether they left."""
        found = await self._rows.all(
            sa.select(*_COLUMNS)
            .where(
                outbox.c.state.in_((FAILED, UNKNOWN)),
                outbox.c.operation == "send",
                outbox.c.error != WITHDRAWN,
            )
            .order_by(outbox.c.seq)
        )
        return [_row(r) for r in found]

    async def replay(self, seqs: Collection[int], now: datetime) -> int:
        """Send these again, though they failed or may have arrived. Returns how many."""
        changed = await self._db.execute(
            sa.update(outbox)
            .where(
                outbox.c.seq.in_(list(seqs)),
                outbox.c.state.in_((FAILED, UNKNOWN)),
                outbox.c.operation == "send",
                outbox.c.error != WITHDRAWN,  # nobody needs it any more
            )
            .values(state=QUEUED, not_before=now, done_at=None, attempts=0, error="")
        )
        return int(changed.rowcount)

    async def shift(self, by: timedelta) -> None:
        """The clock was changed by `by`: what waits goes on waiting as long as it had to."""
        moved = int(by / timedelta(microseconds=1))
        await self._db.execute(
            sa.update(outbox)
            .where(outbox.c.state.in_(WAITING))
            .values(
                not_before=sa.cast(outbox.c.not_before, sa.BigInteger) + moved,
                created_at=sa.cast(outbox.c.created_at, sa.BigInteger) + moved,
                lease_until=sa.cast(outbox.c.lease_until, sa.BigInteger) + moved,
            )
        )

    async def waiting(self) -> int:
        """How many rows have not left."""
        return (
            await self._db.execute(sa.select(sa.func.count()).where(outbox.c.state.in_(WAITING)))
        ).scalar_one()

    async def next_due(self) -> datetime | None:
        """When the earliest row may leave that does not wait for another one."""
        return (await self._db.execute(_NEXT_DUE)).scalar_one_or_none()

    async def _change(self, key: str, untried: int = 0, **values: Any) -> bool:
        changed = await self._db.execute(
            _change(self._acting, tuple(values)),
            {"known": key, "untried": untried, **{f"new_{n}": v for n, v in values.items()}},
        )
        return changed.rowcount == 1


def _standing(rows: Sequence[Row]) -> list[Row]:
    gone = {row.target for row in rows if row.operation == "delete"}
    return [
        row for row in rows
        if row.operation == "send" and row.state == SENT and row.key not in gone
    ]  # fmt: skip
