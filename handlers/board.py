"""The board of who coordinates: who is late, who is away, who holds what. One message that is edited.

It names people to those who coordinate alone, and shows an incident only to whoever was told of it:
of the others there is a number. Of an incident about its reader it says nothing, since a phone may be
in other hands. It is deleted after some hours: nobody needs yesterday's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.answers import plain
from bot.domain.incident import Incident
from bot.domain.people import Role
from bot.domain.permissions import Action
from bot.domain.rich import Rich
from bot.domain.trip import Purpose
from bot.pictures.timeline import Bar, Row, Timeline, Tone, drawn
from bot.platforms.base import Attachment, Operation, Secrecy
from bot.texts import Key
from handlers import fading
from handlers.commands import Entry
from handlers.context import Context, Due, Place
from storage.boards import Board
from storage.people import Member

TIMER = "board"

EVERY = timedelta(minutes=1)
"""How often it is looked whether the board says something else; it is edited no more often."""

LATER = timedelta(minutes=5)
"""The same from the second hour on: who still looks at it can ask anew."""

LIFE = timedelta(hours=12)
"""How long it is kept up, and then deleted."""

AHEAD = timedelta(hours=12)
"""How much of what is to come a picture shows."""

MOST = 30
"""Lines of a board: an edited message cannot be split in two. Of more there is a number."""

PICTURE = frozenset({"imagen", "foto", "picture", "image"})


@dataclass(frozen=True, slots=True)
class Out:
    """Somebody who is out: since when, and when they are expected back."""

    member: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """What a board says to one reader. `hidden`: open incidents that they were not told of."""

    incidents: Sequence[Incident]
    hidden: int
    waiting: Sequence[Out]
    away: Sequence[Out]
    out: Sequence[Out]
    names: dict[int, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to say."""
        return not (self.incidents or self.hidden or self.waiting or self.away or self.out)


async def look(ctx: Context, reader: Member) -> Status:
    """How things stand in the reader's group, as far as it is theirs to know."""
    group = reader.group
    about_others = [
        incident
        for incident in await ctx.tx.incidents.open_in(group)
        if incident.subject != reader.id
    ]
    told = [incident for incident in about_others if reader.id in incident.told]
    waiting = [
        Out(checkin.member, checkin.due, checkin.miss_at)
        for checkin in await ctx.tx.checkins.open_in(group)
    ]
    silent = dict(await ctx.tx.checkins.paused_in(group, ctx.now))
    out: list[Out] = []
    for member, what, since, until in await ctx.tx.trips.open_in(group):
        if what is Purpose.SILENCE:
            silent[member] = max(until, silent.get(member, until))
        elif what in (Purpose.TRIP, Purpose.COLLECTIVE):
            out.append(Out(member, since, until))
    away = [Out(member, ctx.now, until) for member, until in sorted(silent.items())]
    waiting, away, out = (
        [one for one in some if one.member != reader.id] for some in (waiting, away, out)
    )
    known = {one.member for one in (*waiting, *away, *out)}
    known |= {person for i in told for person in (i.subject, i.holder) if person is not None}
    names = {member: (await ctx.tx.people.member(member)).name for member in sorted(known)}
    return Status(told, len(about_others) - len(told), waiting, away, out, names)


# --- in words -----------------------------------------------------------------------------------


def in_words(ctx: Context, place: Place, status: Status, *, bare: bool) -> Rich:
    """The board as text. On a platform that names nobody, numbers alone."""
    texts = ctx.texts(place)
    text = texts.render("board.head")
    if bare:
        return text + texts.render(
            "board.numbers",
            incidents=len(status.incidents) + status.hidden,
            waiting=len(status.waiting), away=len(status.away), out=len(status.out),
        )  # fmt: skip
    if status.empty:
        return text + texts.render("board.calm")
    lines: list[Rich] = []
    for incident in status.incidents:
        holder: object = Key("board.nobody")
        if incident.holder is not None:
            holder = Key("board.holder", {"name": status.names[incident.holder]})
        lines.append(
            texts.render(
                "board.incident", number=incident.number, name=status.names[incident.subject],
                at=incident.opened_at, holder=holder,
            )
        )  # fmt: skip
    for key, some in (
        ("board.waiting", status.waiting), ("board.out", status.out), ("board.away", status.away)
    ):  # fmt: skip
        lines += [
            texts.render(key, name=status.names[one.member], since=one.since, until=one.until)
            for one in some
        ]
    for line in lines[:MOST]:
        text = text + line
    if len(lines) > MOST:
        text = text + texts.render("board.more", n=len(lines) - MOST)
    if status.hidden:
        text = text + texts.render("board.hidden", n=status.hidden)
    return text + texts.render("board.foot")


def _digest(text: Rich) -> str:
    return hashlib.sha256(json.dumps(text.to_json()).encode()).hexdigest()


# --- as a picture -------------------------------------------------------------------------------


def as_picture(ctx: Context, place: Place, status: Status) -> bytes:
    """The same over a line of time."""
    texts = ctx.texts(place)
    everything = [*status.waiting, *status.out]
    start = min(
        [
            ctx.now - timedelta(hours=1),
            *(incident.opened_at for incident in status.incidents),
            *(one.since for one in everything),
        ]
    )
    last = ctx.now + AHEAD

    def since(at: datetime) -> timedelta:
        return min(at, last) - start

    rows = [
        Row(
            f"#{incident.number} {status.names[incident.subject]}",
            (
                Bar(
                    since(incident.opened_at),
                    since(ctx.now),
                    Tone.ALARM if incident.holder is None else Tone.CALM,
                    texts.plain("board.nobody")
                    if incident.holder is None
                    else texts.plain("board.holder", name=status.names[incident.holder]),
                ),
            ),
        )
        for incident in status.incidents
    ]
    for tone, key, some in (
        (Tone.WAITING, "board.label.waiting", status.waiting),
        (Tone.DONE, "board.label.out", status.out),
        (Tone.QUIET, "board.label.away", status.away),
    ):
        rows += [
            Row(
                status.names[one.member],
                (Bar(since(one.since), since(one.until), tone, texts.plain(key)),),
            )
            for one in some
        ]
    zone = ZoneInfo(place.zone)
    return drawn(
        Timeline(
            texts.plain("board.title"),
            rows,
            lambda at: (start + at).astimezone(zone).strftime("%H:%M"),
            ctx.now - start,
            ctx.now.astimezone(zone).strftime("%H:%M"),
        )
    )


# --- asking for it, and keeping it up -----------------------------------------------------------


async def command_board(ctx: Context, rest: str) -> None:
    """`/tablero`; `/tablero imagen` with a picture of the same."""
    me, place = ctx.speaker.member, ctx.place
    bare = place.platform in ctx.speaker.group.bare
    await _take_down(ctx, me.id)
    status = await look(ctx, me)
    text = in_words(ctx, place, status, bare=bare)
    key = await ctx.put(place, text, purpose=_purpose(me.id), secrecy=Secrecy.DETAILED)
    board = await ctx.tx.boards.open(me.id, key, _digest(text), ctx.now + LIFE)
    await ctx.tx.timers.set(TIMER, board.id, ctx.now + EVERY)
    if plain(rest).strip() not in PICTURE:
        return
    if bare:
        await ctx.reply("board.no_picture")
    elif status.empty:
        await ctx.reply("board.nothing_to_draw")
    else:
        await ctx.put(
            place,
            ctx.texts(place).render("board.picture"),
            files=(Attachment("acuerpa.png", "image/png", as_picture(ctx, place, status)),),
            secrecy=Secrecy.DETAILED,
            purpose=_purpose(me.id),
        )


def _purpose(member: int) -> str:
    return f"member:{member}:board"


def _edits(board: Board) -> str:
    return f"board:{board.id}:edit"


async def _take_down(ctx: Context, member: int) -> None:
    board = await ctx.tx.boards.of(member)
    if board is None:
        return
    await ctx.tx.timers.set(TIMER, board.id, None)
    await ctx.tx.outbox.withdraw(_edits(board), ctx.now)
    await ctx.tx.boards.close_of(member)
    await fading.clear(ctx, _purpose(member))


async def on_timer(ctx: Context, occasion: Due) -> None:
    """Look again; edit what is shown if it is not so any more."""
    board = await ctx.tx.boards.get(occasion.ref)
    if board is None:
        return
    reader = await ctx.tx.people.member(board.member)
    place = await _where(ctx, board)
    if place is None or board.until <= ctx.now or Role.COORDINATOR not in reader.roles:
        await _take_down(ctx, reader.id)
        return
    fresh = ctx.now < board.until - LIFE + timedelta(hours=1)
    await ctx.tx.timers.set(TIMER, board.id, ctx.now + (EVERY if fresh else LATER))
    bare = place.platform in (await ctx.tx.people.group(reader.group)).bare
    text = in_words(ctx, place, await look(ctx, reader), bare=bare)
    shown = _digest(text)
    if shown == board.shown:
        return
    # One that has not left yet would say what is not so any more.
    await ctx.tx.outbox.withdraw(_edits(board), ctx.now)
    await ctx.put(
        place, text, operation=Operation.EDIT, target=board.key, purpose=_edits(board),
        secrecy=Secrecy.DETAILED,
    )  # fmt: skip
    await ctx.tx.boards.shows(board.id, shown)


async def _where(ctx: Context, board: Board) -> Place | None:
    """The chat that it stands in, if that is still the reader's."""
    row = await ctx.tx.outbox.get(board.key)
    if row is None:
        return None
    places = await ctx.places_of(board.member)
    return next((p for p in places if (p.platform, p.chat) == (row.platform, row.chat)), None)


ENTRIES = (Entry("tablero", ("board",), Action.BOARD, command_board),)
