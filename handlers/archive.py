"""What the public archive shows: everything that was published, as values without a member's name."""

from __future__ import annotations

from bot.domain.denunciation import Denunciation, State
from bot.domain.publication import Publication, Withdrawal
from handlers.context import Context
from storage.people import Group

BATCH = 25
"""Publications that are read in one transaction: no alarm waits for all of them."""


async def publications(ctx: Context, after: int) -> tuple[list[Publication], int | None]:
    """The next ones behind the row `after`, and where to go on; None at the end."""
    groups = {group.id: group for group in await ctx.tx.people.groups()}
    found = await ctx.tx.denunciations.public(after, BATCH)
    shown = [await _shown(ctx, one, groups[one.group]) for one in found]
    return shown, found[-1].id if len(found) == BATCH else None


async def _shown(ctx: Context, one: Denunciation, group: Group) -> Publication:
    topics = {topic.id: topic.name for topic in await ctx.tx.readers.topics(one.group)}
    region = await ctx.tx.regions.get(one.region) if one.region is not None else None
    first = await ctx.tx.denunciations.get(one.follows) if one.follows is not None else None
    withdrawal = None
    if one.state is State.WITHDRAWN and one.withdrawn_at is not None:
        withdrawal = Withdrawal(one.withdrawn_at, one.reason)
    return Publication(
        code=one.code,
        fingerprint=one.fingerprint,
        number=one.number,
        organisation=group.organisation,
        kind=one.kind,
        versions=one.versions(group.language),
        published_at=one.sent_at or ctx.now,
        files=() if withdrawal else one.files,
        topics=tuple(topics[topic] for topic in one.topics if topic in topics),
        region=region.name if region is not None else "",
        act_by=one.act_by,
        closed_at=one.closed_at,
        corrected_at=one.corrected_at,
        withdrawal=withdrawal,
        follows=first.code if first is not None else "",
    )
