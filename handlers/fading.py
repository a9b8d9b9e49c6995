"""Messages that do not stay: a question once it is over, and what was told of an incident.

A phone that is taken away holds what was said in it. What nobody needs any more is deleted where the
platform can: Telegram lets a bot delete its own messages for 48 hours, Matrix without a limit.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.rich import Rich
from bot.platforms.base import ChatKind, Operation
from handlers.context import Context, Due, Place
from storage.outbox import Row

QUESTION_TIMER = "fade_question"
DETAIL_TIMER = "fade_detail"
READ_TIMER = "fade_read"

TRIP_TIMER = "fade_trip"

DETAILS_STAY = timedelta(hours=12)
"""How long the details of an incident stay in a chat that is not asked about it again."""

DELETABLE = timedelta(hours=47)
"""How old a message may be for Telegram to delete it (Bot API, deleteMessage: 48 hours), less some
time to get there."""


def question_purpose(checkin: int) -> str:
    """What the rows of a check-in's questions are for."""
    return f"checkin:{checkin}:question"


def detail_purpose(incident: int) -> str:
    """What the rows are for that say more of an incident than its alarms do."""
    return f"incident:{incident}:detail"


def trip_purpose(trip: int) -> str:
    """What the rows are for that say where somebody goes, or who goes along."""
    return f"trip:{trip}:shown"


async def trip_will_fade(ctx: Context, trip: int) -> None:
    """A trip is over: what the chat says of it goes some time after that, like a question."""
    if await ctx.tx.timers.when(TRIP_TIMER, trip) is None:
        await ctx.tx.timers.set(TRIP_TIMER, trip, ctx.now + ctx.settings.questions)


async def on_trip(ctx: Context, occasion: Due) -> None:
    """A trip is long over."""
    await clear(ctx, trip_purpose(occasion.ref))
def read_purpose(member: int) -> str:
    """What the rows are for that somebody asked to read: a note, the directory of care."""
    return f"member:{member}:read"


async def read_will_fade(ctx: Context, member: int) -> None:
    """What somebody asked to read goes as long after the first of it as a question does."""
    if await ctx.tx.timers.when(READ_TIMER, member) is None:
        await ctx.tx.timers.set(READ_TIMER, member, ctx.now + ctx.settings.questions)


async def on_read(ctx: Context, occasion: Due) -> None:
    """It stood there for long enough."""
    await clear(ctx, read_purpose(occasion.ref))


async def question_will_fade(ctx: Context, checkin: int, miss_at: datetime) -> None:
    """The question of a check-in that is judged at `miss_at` goes some time after that."""
    await ctx.tx.timers.set(QUESTION_TIMER, checkin, fades_at(ctx, miss_at))


def fades_at(ctx: Context, miss_at: datetime) -> datetime:
    """When that is."""
    return miss_at + ctx.settings.questions


async def on_question(ctx: Context, occasion: Due) -> None:
    """A check-in is long over."""
    for prompt in await ctx.tx.conversations.open_about("checkin", occasion.ref):
        await ctx.tx.conversations.close(prompt.id, ctx.now)
    await clear(ctx, question_purpose(occasion.ref))


async def details_will_fade(ctx: Context, incident: int) -> None:
    """Somebody was told more: that goes as well, at the end of the incident or earlier."""
    if await ctx.tx.timers.when(DETAIL_TIMER, incident) is None:
        await ctx.tx.timers.set(DETAIL_TIMER, incident, ctx.now + DETAILS_STAY)


async def on_details(ctx: Context, occasion: Due) -> None:
    """They stood there for long enough."""
    await clear(ctx, detail_purpose(occasion.ref))


async def end_details(ctx: Context, incident: int) -> None:
    """The incident is over: nobody needs them any more."""
    await ctx.tx.timers.set(DETAIL_TIMER, incident, None)
    await clear(ctx, detail_purpose(incident))


async def clear(ctx: Context, purpose: str) -> None:
    """Delete what was sent for this purpose, and keep back what has not left."""
    await ctx.tx.outbox.withdraw(purpose, ctx.now)
    await _delete(ctx, await ctx.tx.outbox.standing(purpose))


async def clear_chat(ctx: Context, platform: str, chat: str) -> None:
    """Delete what we said in a chat, as far back as can be, and keep back the rest."""
    await ctx.tx.outbox.withdraw_chat(platform, chat, ctx.now)
    await _delete(ctx, await ctx.tx.outbox.standing_in(platform, chat, ctx.now - DELETABLE))


async def _delete(ctx: Context, rows: list[Row]) -> None:
    for row in rows:
        place = Place(
            row.platform, row.chat, ctx.settings.language, ctx.settings.zone,
            ChatKind(row.chat_kind), row.member,
        )  # fmt: skip
        await ctx.put(
            place, Rich(), operation=Operation.DELETE, target=row.key, purpose=row.purpose
        )
