"""Denunciations and where they are published."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.approval import Rules
from bot.domain.denunciation import Approval, Denunciation, Kind, State, Version
from storage.files import of_draft
from storage.rows import Rows, among
from storage.tables import approvals, denunciations, destinations, groups, named_people


@dataclass(frozen=True, slots=True)
class Destination:
    """A chat, channel or room where a group publishes. `language` is "" for all that there are."""

    id: int
    group: int
    platform: str
    chat: str
    chat_kind: str
    title: str
    language: str = ""


_DENUNCIATION = [
    denunciations.c[name]
    for name in (
        "id", "number", "group_id", "author_id", "title", "text", "state", "approver_id",
        "approved_hash", "sent_at", "kind", "language", "others", "topics", "region_id", "act_by",
        "publish_at", "corrects_id", "follows_id", "needed", "code", "seal", "corrected_at", "closed_at",
        "withdrawn_at", "reason",
    )
]  # fmt: skip
_DESTINATION = [
    destinations.c[name]
    for name in ("id", "group_id", "platform", "chat", "chat_kind", "title", "language")
]


def _denunciation(row: sa.Row[Any]) -> Denunciation:
    found = row._asdict()
    for name in ("group", "author", "approver", "region", "corrects", "follows"):
        found[name] = found.pop(f"{name}_id")
    found["state"] = State(found["state"])
    found["kind"] = Kind(found["kind"])
    found["others"] = tuple(Version(*version) for version in found["others"] or ())
    found["topics"] = tuple(found["topics"])
    found["reason"] = found["reason"] or ""
    return Denunciation(**found)


class Denunciations:
    """What is being written, and what was published."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def add(self, group: int, number: int, author: int, now: datetime) -> int:
        """An empty draft."""
        return await self._rows.insert(
            denunciations,
            group_id=group,
            number=number,
            author_id=author,
            title="",
            text="",
            approved_hash="",
            state=State.DRAFT,
            created_at=now,
        )

    async def get(self, id: int) -> Denunciation | None:
        """By row."""
        row = await self._rows.one(sa.select(*_DENUNCIATION).where(denunciations.c.id == id))
        return await self._whole(row) if row else None

    async def numbered(self, group: int, number: int) -> Denunciation | None:
        """By the number that its group knows it by."""
        here = (denunciations.c.group_id == group) & (denunciations.c.number == number)
        row = await self._rows.one(sa.select(*_DENUNCIATION).where(here))
        return await self._whole(row) if row else None

    async def is_free(self, code: str) -> bool:
        """Whether nothing was published under this address."""
        found = await self._db.execute(
            sa.select(denunciations.c.id).where(denunciations.c.code == code).limit(1)
        )
        return found.first() is None

    async def sealed_as(self, code: str) -> list[Denunciation]:
        """What was published with this short fingerprint, first or after a correction."""
        found = await self._rows.all(
            sa.select(*_DENUNCIATION)
            .where(
                (denunciations.c.code == code) | (denunciations.c.seal == code),
                denunciations.c.code != "",  # it left, all of it or a part
            )
            .order_by(denunciations.c.id)
        )
        return [await self._whole(row) for row in found]

    async def following(self, id: int) -> list[Denunciation]:
        """What is being written, or was published, to correct or to continue one."""
        found = await self._rows.all(
            sa.select(*_DENUNCIATION)
            .where((denunciations.c.corrects_id == id) | (denunciations.c.follows_id == id))
            .order_by(denunciations.c.id)
        )
        return [await self._whole(row) for row in found]

    async def public(self, after: int, most: int) -> list[Denunciation]:
        """What was published as something of its own, in every group, the oldest first: the next
        `most` behind the row `after`."""
        found = await self._rows.all(
            sa.select(*_DENUNCIATION)
            .where(
                among(denunciations.c.state, (State.SENT, State.WITHDRAWN)),
                denunciations.c.corrects_id.is_(None),
                denunciations.c.code != "",
                denunciations.c.id > after,
            )
            .order_by(denunciations.c.id)
            .limit(most)
        )
        return [await self._whole(row) for row in found]

    async def last_change(self) -> tuple[object, ...]:
        """What is other whenever something public is: how many there are, and when one changed last."""
        at = [denunciations.c[name] for name in ("sent_at", "corrected_at", "closed_at", "withdrawn_at")]
        found = await self._db.execute(
            sa.select(sa.func.count(), *(sa.func.max(column) for column in at)).where(
                among(denunciations.c.state, (State.SENT, State.WITHDRAWN)),
                denunciations.c.code != "",
            )
        )
        return tuple(found.one())

    async def _whole(self, row: sa.Row[Any]) -> Denunciation:
        agreed = await self._rows.all(
            sa.select(
                approvals.c.id, approvals.c.member_id, approvals.c.fingerprint, approvals.c.later
            )
            .where(approvals.c.denunciation_id == row.id)
            .order_by(approvals.c.id)
        )
        return replace(
            _denunciation(row),
            files=await of_draft(self._rows, row.id),
            approvals=tuple(Approval(a.member_id, a.fingerprint, a.later) for a in agreed),
        )

    async def being_written(self, author: int) -> Denunciation | None:
        """What somebody began last and has not handed over."""
        found = await self._db.execute(
            sa.select(sa.func.max(denunciations.c.id)).where(
                denunciations.c.author_id == author, denunciations.c.state == State.DRAFT
            )
        )
        id = found.scalar_one()
        return None if id is None else await self.get(id)

    async def any_sent(self) -> bool:
        """Whether anything was ever published, for the sandbox's guided tour."""
        found = await self._db.execute(
            sa.select(denunciations.c.id).where(denunciations.c.state == State.SENT).limit(1)
        )
        return found.first() is not None

    async def save(self, draft: Denunciation) -> None:
        """Write it as it is now."""
        await self._rows.update(
            denunciations,
            draft.id,
            title=draft.title,
            text=draft.text,
            state=draft.state,
            approver_id=draft.approver,
            approved_hash=draft.approved_hash,
            sent_at=draft.sent_at,
            kind=draft.kind,
            language=draft.language,
            others=[[v.language, v.title, v.text] for v in draft.others] or None,
            topics=list(draft.topics),
            region_id=draft.region,
            act_by=draft.act_by,
            publish_at=draft.publish_at,
            corrects_id=draft.corrects,
            follows_id=draft.follows,
            needed=draft.needed,
            code=draft.code,
            seal=draft.seal,
            corrected_at=draft.corrected_at,
            closed_at=draft.closed_at,
            withdrawn_at=draft.withdrawn_at,
            reason=draft.reason or None,
        )
        await self._save_approvals(draft)

    async def _save_approvals(self, draft: Denunciation) -> None:
        """Those that hold are kept; one that is void is not."""
        wanted = {approval.member: approval for approval in draft.approvals}
        kept = await self._rows.all(
            sa.select(approvals.c.id, approvals.c.member_id, approvals.c.fingerprint).where(
                approvals.c.denunciation_id == draft.id
            )
        )
        for row in kept:
            known = wanted.get(row.member_id)
            if known is not None and known.fingerprint == row.fingerprint:
                del wanted[row.member_id]
            else:
                await self._db.execute(sa.delete(approvals).where(approvals.c.id == row.id))
        for approval in wanted.values():
            await self._rows.insert(
                approvals, denunciation_id=draft.id, member_id=approval.member,
                fingerprint=approval.fingerprint, later=approval.later,
            )  # fmt: skip

    async def rules(self, group: int) -> Rules:
        """How a group approves."""
        found = await self._db.execute(sa.select(groups.c.approval).where(groups.c.id == group))
        return Rules.from_json(found.scalar_one())

    async def set_rules(self, group: int, rules: Rules) -> None:
        """From now on; what is in review already goes on as it was asked."""
        await self._db.execute(
            sa.update(groups).where(groups.c.id == group).values(approval=rules.to_json())
        )

    async def names(self, id: int) -> dict[str, str]:
        """Names that stand in a draft, and what its author said of each; "" for nothing yet."""
        found = await self._rows.all(
            sa.select(named_people.c.id, named_people.c.name, named_people.c.answer)
            .where(named_people.c.denunciation_id == id)
            .order_by(named_people.c.id)
        )
        return {row.name: row.answer for row in found}

    async def set_name(self, id: int, name: str, answer: str) -> None:
        """What the author says of somebody who is named."""
        found = await self._rows.all(
            sa.select(named_people.c.id, named_people.c.name).where(
                named_people.c.denunciation_id == id
            )
        )
        for row in found:
            if row.name == name:
                await self._rows.update(named_people, row.id, answer=answer)
                return
        await self._rows.insert(named_people, denunciation_id=id, name=name, answer=answer)

    async def forget_names(self, id: int) -> None:
        """It is decided; who was named and did not agree is nobody's to know."""
        await self._db.execute(
            sa.delete(named_people).where(named_people.c.denunciation_id == id)
        )

    async def progress_key(self, id: int) -> str:
        """The outbox key of the message that shows the progress; "" before there is one."""
        return (
            await self._db.execute(
                sa.select(denunciations.c.progress_key).where(denunciations.c.id == id)
            )
        ).scalar_one()

    async def set_progress(self, id: int, key: str, approved_at: datetime) -> None:
        """Publishing began; `key` is the message that will be edited."""
        await self._db.execute(
            sa.update(denunciations)
            .where(denunciations.c.id == id)
            .values(progress_key=key, approved_at=approved_at)
        )

    async def add_destination(
        self, group: int, platform: str, chat: str, chat_kind: str, title: str
    ) -> None:
        """Publish there from now on; a chat belongs to one group only, the last that added it."""
        await self._db.execute(sa.delete(destinations).where(self._here(platform, chat)))
        await self._rows.insert(
            destinations,
            group_id=group, platform=platform, chat=chat, chat_kind=chat_kind, title=title,
        )  # fmt: skip

    def _here(self, platform: str, chat: str) -> sa.ColumnElement[bool]:
        key = self._rows.blind(destinations.c.chat_key, chat)
        return (destinations.c.platform == platform) & (destinations.c.chat_key == key)

    async def destinations(self, group: int) -> list[Destination]:
        """Where a group publishes."""
        found = await self._rows.all(
            sa.select(*_DESTINATION)
            .where(destinations.c.group_id == group, destinations.c.active)
            .order_by(destinations.c.id)
        )
        return [Destination(*row) for row in found]

    async def destination_in(self, platform: str, chat: str) -> Destination | None:
        """By chat, if it is active."""
        row = await self._rows.one(
            sa.select(*_DESTINATION).where(self._here(platform, chat), destinations.c.active)
        )
        return Destination(*row) if row else None

    async def destination_numbered(self, id: int) -> Destination | None:
        """By number, active or not."""
        row = await self._rows.one(sa.select(*_DESTINATION).where(destinations.c.id == id))
        return Destination(*row) if row else None

    async def title_of(self, platform: str, chat: str) -> str | None:
        """What a destination is called, also once it is closed to us; None if it never was one."""
        row = await self._rows.one(
            sa.select(destinations.c.id, destinations.c.title).where(self._here(platform, chat))
        )
        return None if row is None else row.title

    async def end_destination(self, platform: str, chat: str) -> Destination | None:
        """The chat is closed to us, with every topic in it, or was taken off the list. Returns what it
        was."""
        found = await self.destination_in(platform, chat)
        known = await self._rows.all(
            sa.select(destinations.c.id, destinations.c.chat).where(
                destinations.c.platform == platform, destinations.c.active
            )
        )
        ended = [row.id for row in known if f"{row.chat}/".startswith(f"{chat}/")]
        await self._db.execute(
            sa.update(destinations).where(destinations.c.id.in_(ended)).values(active=False)
        )
        return found

    async def move_chat(self, platform: str, old: str, new: str) -> None:
        """A chat has a new id. If the new one is a destination by itself already, it is that one."""
        known = await self._db.execute(
            sa.select(destinations.c.id).where(self._here(platform, new))
        )
        if known.first() is not None:
            await self.end_destination(platform, old)
            return
        before = await self._db.execute(
            sa.select(destinations.c.id).where(self._here(platform, old))
        )
        for id in before.scalars().all():
            await self._rows.update(destinations, id, chat=new)

    async def set_destination_language(self, id: int, language: str) -> None:
        """Publish there in this language alone, "" in all that there are."""
        await self._db.execute(
            sa.update(destinations).where(destinations.c.id == id).values(language=language)
        )

    async def restore_destination(self, id: int) -> None:
        """Publish there, as was asked."""
        await self._db.execute(
            sa.update(destinations).where(destinations.c.id == id).values(active=True)
        )
