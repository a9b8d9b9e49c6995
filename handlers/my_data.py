"""What is kept about oneself: to have it, and to have it erased. By the member alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from typing import Any

from bot.domain.answers import plain
from bot.domain.incident import Incident, Kind, Outcome
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.domain.plan import Plan
from bot.platforms.base import Attachment, Secrecy
from bot.texts import Key
from handlers import incidents, leaving, plans, subject
from handlers.canary import operator_places
from handlers.commands import Entry
from handlers.context import Choice, Context
from storage.mine import Mine, everything

TOPIC = "my_data"
ERASE_TOPIC = "erase"

WORDS = frozenset({"borrar", "erase"})
"""What is to be typed; in any language that the bot speaks, whatever the member's is."""

ASKED_TO_ERASE = "asked_to_erase"

FILE = "acuerpa.txt"
"""A name that says nothing about whose it is."""


# --- having it ----------------------------------------------------------------------------------


async def command_my_data(ctx: Context, _rest: str) -> None:
    """`/misdatos`"""
    await ctx.ask(
        ctx.place,
        "my_data.sure",
        (Choice("send", "button.send_it"), Choice("drop", "button.do_not")),
        topic=TOPIC,
        ref=ctx.speaker.member.id,
    )


async def pressed(ctx: Context, ref: int, action: str) -> None:
    """Send the file into this chat, or not."""
    if ref != ctx.speaker.member.id:
        await ctx.toast("toast.stale")
        return
    await ctx.toast("toast.done")
    await ctx.close_prompts(TOPIC, ref, only=ctx.place)
    if action == "drop":
        await ctx.reply("my_data.dropped")
        return
    content = "\n".join([line async for line in _lines(ctx)]).encode()
    await ctx.put(
        ctx.place,
        ctx.texts(ctx.place).render("my_data.here"),
        files=(Attachment(FILE, "text/plain", content),),
        secrecy=Secrecy.DETAILED,
    )


async def _lines(ctx: Context) -> AsyncIterator[str]:
    """The file, line by line. Other people are in it only as far as the member named them."""
    me, group = ctx.speaker.member, ctx.speaker.group
    texts = ctx.texts(ctx.place)
    accounts = await ctx.tx.people.accounts_of(me.id)
    kept = await everything(ctx.tx.rows, me.id, accounts)

    def head(section: str) -> str:
        return f"\n== {texts.plain(f'my_data.{section}')}"

    yield texts.plain("my_data.head", at=_utc(ctx.now))
    yield head("you")
    yield f"{me.name} · {group.name} · {me.language} · {me.zone}"
    yield f"{_utc(kept.joined_at)} · {texts.write(tuple(sorted(me.roles)) or Key('role.none'))}"
    yield texts.write(me.risk)
    yield texts.plain("subscribe.on" if me.subscribed else "subscribe.off")
    yield head("plan")
    yield await plans.describe(ctx, ctx.place, me.agreed_plan, about=me.group)
    for at, key in ((kept.agreed_at, "my_data.agreed"), (me.withdrawn_at, "my_data.withdrew")):
        if at is not None:
            yield texts.plain(key, at=_utc(at))
    yield head("accounts")
    for account in accounts:
        yield f"{account.platform} {account.address} {account.chat} · {_utc(account.used_at)}"
    for line in _rows(ctx, kept):
        yield line
    yield head("configuring")
    for at, kind, content in kept.configuring:
        yield f"{_utc(at)} · {texts.plain(f'my_data.begun.{kind}')}"
        if "plan" in content:
            draft = Plan.from_json(content["plan"])
            yield await plans.describe(ctx, ctx.place, draft, about=me.group)


def _rows(ctx: Context, kept: Mine) -> Iterator[str]:
    texts = ctx.texts(ctx.place)

    def head(section: str) -> str:
        return f"\n== {texts.plain(f'my_data.{section}')}"

    yield head("schedules")
    for rule, active in kept.schedules:
        times = ", ".join(t.strftime("%H:%M") for t in rule.times)
        days = ", ".join(texts.plain(f"day.{day}") for day in sorted(rule.days))
        ended = "" if active else f" · {texts.plain('my_data.ended')}"
        yield f"{times} · {days} · {texts.write(rule.grace)} · {rule.zone}{ended}"
    yield head("checkins")
    for due, state, answered in kept.checkins:
        yield f"{_utc(due)} · {state}" + (f" · {_utc(answered)}" if answered else "")
    yield head("trips")
    for purpose, title, started, there in kept.trips:
        yield f"{_utc(started)} · {purpose} · {title}".rstrip(" ·")
        for due, place, state in there:
            yield f"  {_utc(due)} · {place} · {state}"
    yield f"{texts.plain('my_data.lists')}: {kept.lists}"
    if kept.quiet is not None:
        yield f"{texts.plain('my_data.quiet')}: {'-'.join(kept.quiet.to_json())}"
    for at, what, content in kept.whereabouts:
        yield f"{_utc(at)} · {what} · {json.dumps(content, ensure_ascii=False)}"
    yield head("incidents")
    for number, kind, opened, closed, outcome in kept.incidents:
        end = f"{_utc(closed)} · {texts.write(Outcome(outcome))}" if closed and outcome else "…"
        yield f"#{number} · {Kind(kind).value} · {_utc(opened)} · {end}"
    yield head("acts")
    for number, at, event, details in kept.acts:
        yield f"{_utc(at)} · #{number} · {event} · {details.get('text', '')}".rstrip(" ·")
    yield head("drills")
    for number, told, answered in kept.drills:
        yield f"S{number} · {_utc(told)}" + (f" · {_utc(answered)}" if answered else "")
    yield head("contact")
    for confirmed, flagged in kept.contact:
        yield _utc(confirmed) + (f" · {_utc(flagged)}" if flagged else "")
    yield head("denunciations")
    for number, state, title, text in kept.denunciations:
        yield f"#{number} · {state} · {title}\n{text}".rstrip()
    yield head("subscription")
    wish = kept.wish
    of = f"{sorted(wish.topics)} · {sorted(wish.regions)} · {wish.language or '-'} · {wish.daily}"
    yield of if kept.subscribed else "-"
    yield head("files")
    yield str(kept.files)
    yield head("invitations")
    for at, roles in kept.invitations:
        yield f"{_utc(at)} · {', '.join(roles)}".rstrip(" ·")
    yield head("region")
    yield kept.region or "-"
    yield head("answers_for")
    for group, since in kept.answers_for:
        yield f"{_utc(since)} · {group}"
    yield head("feeds")
    yield from kept.feeds
    yield head("duty")
    for what, start, until in kept.duty:
        yield f"{what} · {_utc(start)}" + (f" · {_utc(until)}" if until else "")
    yield head("note")
    bare = ctx.place.platform in ctx.speaker.group.bare
    if kept.note and bare:
        yield texts.plain("my_data.note_elsewhere")
    for part, text in () if bare else kept.note.items():
        yield f"{texts.plain(f'note.part.{part}')}: {text}"
    yield head("aftercare")
    for state, since in kept.aftercare:
        yield f"{_utc(since)} · {state}"
    yield head("complaints")
    for number, state, text, answer in kept.complaints:
        yield f"#{number} · {state} · {text}" + (f"\n→ {answer}" if answer else "")
    yield head("feedback")
    for number, score, words_said in kept.feedback:
        yield f"#{number} · {score} · {words_said or ''}".rstrip(" ·")
    yield head("log")
    for line in kept.log:
        yield f"{_utc(line.at)} · {line.what}"
    yield head("wrote")
    for at, raw in kept.wrote:
        yield f"{_utc(at)} {json.dumps(raw, ensure_ascii=False)}"
    yield head("sent")
    yield str(kept.sent_to_them)


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


# --- having it erased ---------------------------------------------------------------------------


async def command_erase(ctx: Context, _rest: str) -> None:
    """`/borrarme`: what it means, and a word to type."""
    if await _not_now(ctx):
        return
    me = ctx.speaker.member
    roster = await ctx.tx.people.roster(me.group)
    await ctx.expect(ERASE_TOPIC, "word")
    await ctx.reply("erase.sure")
    if roster.coordinators == {me.id}:
        await ctx.reply("erase.last")


async def words(ctx: Context, _step: str, _data: Mapping[str, Any], text: str) -> None:
    """The word, or anything else, which erases nothing."""
    await ctx.expect_nothing()
    if plain(text).strip(" .!¡\"'«»") not in WORDS:
        await ctx.reply("erase.not_done")
        return
    if await _not_now(ctx):
        return
    me, group = ctx.speaker.member, ctx.speaker.group
    hidden = await ctx.tx.incidents.open_about(me.id)
    if hidden is not None:
        await _only_silent(ctx, hidden)
        return
    roster = await ctx.tx.people.roster(me.group)
    others = roster.coordinators - {me.id}
    await ctx.log("erased", me.id)
    # The question of a phone in other hands: whoever may know better hears of it by name, once.
    await ctx.tell(
        others or roster.responders - {me.id}, "erase.news", lane=Lane.CONVERSATION,
        everywhere=False, name=me.name,
    )  # fmt: skip
    if me.id in roster.coordinators and not others:
        for place in await operator_places(ctx):
            await ctx.say(place, "erase.no_coordination", group=group.name)
    await leaving.erase(ctx, me)
    await ctx.reply("erase.done")


async def _only_silent(ctx: Context, hidden: Incident) -> None:
    """Under duress: the chat shows an erasure. Those who were told decide what becomes of it."""
    me = ctx.speaker.member
    await ctx.tx.incidents.note(hidden.id, ctx.now, ASKED_TO_ERASE, me.id)
    await incidents.tell_the_others(ctx, hidden, "incident.asked_to_erase", me.id, name=me.name)
    for account in await ctx.tx.people.accounts_of(me.id):
        await ctx.tx.people.suspend(account.id, ctx.now)
        await ctx.tx.conversations.end_all_in(account.platform, account.chat, ctx.now)
    await ctx.reply("erase.done")


async def _not_now(ctx: Context) -> bool:
    """The same words whatever is open: they must not tell the holder of a phone of an alarm."""
    me = ctx.speaker.member.id
    waits = await ctx.tx.checkins.open_of(me) or await leaving.on_the_way(ctx, me)
    if not waits and not await subject.seen(ctx, me):
        return False
    await ctx.reply("erase.not_now")
    return True


ENTRIES = (
    Entry("misdatos", ("mydata", "mis_datos"), Action.OWN_DATA, command_my_data),
    Entry("borrarme", ("eraseme", "forgetme"), Action.ERASE_ME, command_erase),
)
