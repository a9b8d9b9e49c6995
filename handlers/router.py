"""The way of one event to the conversation that it belongs to.

The order of the questions in `_words` is the meaning of what people write: a command first, then a
word for help, then the number of an open question, then the dialog that waits, then everything else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain.answers import Answer, understand
from bot.domain.cry import is_cry
from bot.domain.lanes import Lane
from bot.domain.permissions import Action
from bot.domain.publication import Publication
from bot.files.values import Cleaned
from bot.following.values import Looked
from bot.platforms.base import (
    Added,
    ChatKind,
    ComparisonAsked,
    ComparisonEnded,
    File,
    IdentityChanged,
    Incoming,
    Location,
    Migrated,
    Other,
    PicturesShown,
    Press,
    Removed,
    Result,
    Text,
    Unfetched,
    Unreadable,
)
from bot.texts.catalogue import nearest
from handlers import (
    aftercare,
    archive,
    authenticity,
    canary,
    checkins,
    collectives,
    contacts,
    destinations,
    duress,
    entries,
    files,
    following,
    from_backup,
    identities,
    incident_acts,
    installation,
    joining,
    locations,
    once,
    outcomes,
    panic_button,
    presses,
    rights,
    summary,
    taking_back,
    talks,
    timers,
    trips,
    whereabouts,
)
from handlers.commands import read_command
from handlers.context import Context, NotAllowed, Place, Speaker
from handlers.settings import Settings
from storage.conversations import Dialog, Prompt
from storage.files import Wanted
from storage.following import Followed
from storage.outbox import Row
from storage.transaction import Transaction

NUMBER = re.compile(r"\s*#?(\d{1,3})[.)]?\s*")
class Router:
    """The handlers as the engine sees them (`bot.engine.handling.Handlers`)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    # --- incoming ---

    async def incoming(self, tx: Transaction, event: Incoming, now: datetime) -> None:
        """Somebody wrote, pressed, or changed something."""
        if isinstance(event.body, Migrated):
            await self.migrated(tx, event.platform, event.chat, event.body.new_chat)
            return
        if isinstance(event.body, Unfetched):
            await self.trouble(tx, (f"messages_unfetched:{event.platform}",), now)
        if isinstance(
            event.body, IdentityChanged | ComparisonAsked | PicturesShown | ComparisonEnded
        ):
            place = Place(event.platform, "", self._settings.language, self._settings.zone)
            ctx = Context(tx, now, self._settings, event=event, place=place)
            await identities.reported(ctx, event)
            return
        ctx = await self._context(tx, event, now)
        if ctx.suspended is not None:
            # In other hands: nothing from there is heard, but for what two people let in again.
            if isinstance(event.body, Text) and event.chat_kind is ChatKind.PRIVATE:
                await joining.comes_back(ctx, ctx.suspended, event.body.text)
            return
        try:
            await self._dispatch(ctx, event)
        except NotAllowed:
            if ctx.known:
                await ctx.toast("toast.not_done")
                await ctx.reply("not_allowed")
        works = event.proven and not isinstance(event.body, Removed)
        if ctx.known and works and not ctx.speaker.account.reachable:
            await outcomes.channel_up(ctx)

    async def _context(self, tx: Transaction, event: Incoming, now: datetime) -> Context:
        account = await tx.people.account(event.platform, event.account)
        if account is None or account.suspended_at is not None:
            language = nearest(event.language) or self._settings.language
            place = Place(
                event.platform, event.chat, language, self._settings.zone, event.chat_kind
            )
            ctx = Context(tx, now, self._settings, event=event, place=place)
            ctx.suspended = account
            return ctx
        member = await tx.people.member(account.member)
        private = event.chat_kind is ChatKind.PRIVATE
        if private and event.proven and not isinstance(event.body, Removed):
            # What may be somebody else's word must not lead our alarms to another chat.
            await tx.people.used(account, event.chat, now)
        # A person is always answered in private, wherever they wrote.
        chat = event.chat if private else account.chat
        place = Place(event.platform, chat, member.language, member.zone, member=member.id)
        speaker = Speaker(member, await tx.people.group(member.group), account)
        return Context(tx, now, self._settings, event=event, speaker=speaker, place=place)

    async def _dispatch(self, ctx: Context, event: Incoming) -> None:
        if event.chat_kind is not ChatKind.PRIVATE:
            await self._in_public(ctx, event)
            return
        match event.body:
            case Press(data):
                await self._press(ctx, data)
            case Text() as text:
                await self._text(ctx, text, proven=event.proven)
            case Removed():
                await self._blocked(ctx)
            case File() if ctx.may(Action.WRITE) and not event.proven:
                # It may be the photograph of whoever runs the server.
                await self._no_answer(ctx, "unproven")
            case File() as file if ctx.may(Action.WRITE) and await files.sent(ctx, file):
                pass
            case Location() if ctx.known and not event.proven:
                await self._no_answer(ctx, "unproven")
            case Location() as location if ctx.known:
                await locations.shared(ctx, location)
            case File() | Other() if ctx.known:
                await self._no_answer(ctx, "only_words")
            case Unreadable() if ctx.known:
                await self._no_answer(ctx, "unreadable")
            case Unreadable() if await ctx.dialog():
                await ctx.reply("unreadable")  # somebody who is joining
            case Unfetched() if ctx.known:
                await self._no_answer(ctx, "unfetched")

    async def _in_public(self, ctx: Context, event: Incoming) -> None:
        """In groups and channels the bot is silent, but for a member's alarm."""
        match event.body:
            case Added(title) if ctx.may(Action.BRING_BOT):
                await destinations.offered(ctx, title, event.chat, event.chat_kind, event.platform)
            case Removed():
                await ctx.tx.denunciations.end_destination(event.platform, event.chat)
            case Text(text) if ctx.known:
                command = read_command(text)
                entry = entries.BY_WORD.get(command[0]) if command else None
                if command is not None and entry is not None and ctx.may(entry.action):
                    await entry.run(ctx, command[1])

    async def _blocked(self, ctx: Context) -> None:
        """The person closed this chat to us: that channel is down, and plans must know.

        News of it that is older than what they wrote since is none: if it is closed all the same,
        the next message to them will tell.
        """
        if ctx.known and ctx.answered_at >= ctx.speaker.account.used_at:
            await outcomes.channel_down(ctx, ctx.speaker.account.id, ctx.speaker.member.id)

    async def _no_answer(self, ctx: Context, key: str) -> None:
        """Something that cannot be read: said so, and whatever was asked is asked again."""
        if await checkins.waits_for_answer(ctx):
            await checkins.ask_again(ctx, f"{key}.asked")
        else:
            await ctx.reply(key)

    # --- presses and numbers ---

    async def _press(self, ctx: Context, data: str) -> None:
        token, _, number = data.partition(":")
        prompt = await ctx.tx.conversations.prompt(token)
        here = (ctx.place.platform, ctx.place.chat)
        if prompt is None or (prompt.platform, prompt.chat) != here or _overtaken(prompt):
            await ctx.toast("toast.stale")
            return
        # Longer than any number of ours is forged, and may be more than Python reads as a number.
        chosen = int(number) if number.isdecimal() and len(number) < 10 else 0
        await self._choose(ctx, prompt, chosen)

    async def _number(self, ctx: Context, text: str, reply_to: str | None) -> bool:
        """A written number: of the question that it replies to, else of any that is open."""
        found = NUMBER.fullmatch(text)
        if found is None:
            return False
        number = int(found[1])
        meant = None
        prompts = await ctx.tx.conversations.open_in(ctx.place.platform, ctx.place.chat)
        if reply_to:
            row = await ctx.tx.outbox.by_message(ctx.place.platform, ctx.place.chat, reply_to)
            meant = await ctx.tx.conversations.prompt_of(row.key) if row is not None else None
            if meant is not None and _overtaken(meant):
                return True  # as with an old button: it is seen to be closed, and nothing is said
            prompts = [meant] if meant is not None else prompts
        for prompt in prompts:
            if meant is None and ctx.came_before(prompt.opened_at):
                continue  # the number was chosen before these were offered
            if any(option.number == number for option in prompt.options):
                ctx.numbered = True
                await self._choose(ctx, prompt, number)
                return True
        return False

    async def _choose(self, ctx: Context, prompt: Prompt, number: int) -> None:
        option = next((o for o in prompt.options if o.number == number), None)
        if option is None or not _put_to(prompt, ctx):
            await ctx.toast("toast.stale")
            return
        # Again, whatever was allowed when the question was asked.
        ctx.require(rights.of_press(prompt.topic, option.action))
        await presses.pressed(ctx, prompt, option)

    # --- words ---

    async def _text(self, ctx: Context, body: Text, *, proven: bool) -> None:
        quoted = body.forwarded or body.text.lstrip().startswith(">")
        if ctx.known and (body.edited or quoted):
            # Neither is an answer: an edit changes what was said, a quotation is somebody else's.
            if not body.edited and await authenticity.forwarded(ctx, body.text):
                return
            await self._no_answer(ctx, "edited" if body.edited else "forwarded")
            return
        if body.edited or body.forwarded:
            return
        cries = _asks_for_help(body.text) or (ctx.known and await panic_button.meant(ctx, body.text))
        if ctx.known and not proven and not cries:
            # It may be the word of whoever runs the server: an alarm is believed all the same, and
            # the chat shows of words of duress what it shows of every other.
            await self._listen(ctx, body.text, await ctx.dialog())
            await self._no_answer(ctx, "unproven")
            return
        secret = joining.secret_in(body.text)
        if secret is not None and not (ctx.known and _means_something(body.text)):
            await joining.opened(ctx, secret)
            return
        command = read_command(body.text)
        if command is not None:
            await self._command(ctx, *command)
            return
        await self._words(ctx, body)

    async def _listen(self, ctx: Context, text: str, dialog: Dialog | None) -> None:
        """Whether these are the speaker's words of duress, unless they are choosing them now."""
        if ctx.known and not _chooses_words(dialog):
            await duress.listen(ctx, text)

    async def _command(self, ctx: Context, name: str, rest: str) -> None:
        entry = entries.BY_WORD.get(name)
        if not ctx.known and (entry is None or not ctx.may(entry.action)):
            return  # the same silence for strangers, whatever they ask
        if entry is not None:
            await ctx.expect_nothing()
            ctx.require(entry.action)
            await entry.run(ctx, rest)
        elif name in entries.HELP_WORDS:
            ctx.require(Action.MANUAL)
            await entries.manual(ctx)
        elif understand(name) is Answer.HELP:
            await incident_acts.panic(ctx)  # "/auxlio": a slip of the finger is no reason to be lost
        else:
            await ctx.reply("unknown_command", name=name[:40])

    async def _words(self, ctx: Context, body: Text) -> None:
        text = body.text
        if ctx.known and is_cry(text):
            await self._cry(ctx)
            return
        if await self._number(ctx, text, body.reply_to):
            return
        dialog = await ctx.dialog()
        await self._listen(ctx, text, dialog)
        if ctx.known and not _chooses_words(dialog) and await taking_back.heard(ctx, text):
            return
        waiting = await checkins.waiting_for(ctx) if ctx.known else ()
        asked = bool(waiting)
        # Who ends a trip says how they are: that answers an open question as well.
        ending = dialog is not None and (dialog.topic, dialog.step) == trips.ENDING
        means = await checkins.understood(ctx, text, waiting) if asked else Answer.UNCLEAR
        if means is not Answer.UNCLEAR and not ending:
            await whereabouts.hear(ctx, text)
            await checkins.said(ctx, text, waiting)
        elif (
            ctx.known
            and not (asked or _chooses_words(dialog))
            and await checkins.undoes(ctx, text)
        ):
            return
        elif dialog is not None and dialog.topic in talks.TALKS:
            right = rights.of_words(dialog.topic, dialog.step)
            if right is None or not ctx.may(right):
                await ctx.expect_nothing()
            ctx.require(right)
            await talks.TALKS[dialog.topic](ctx, dialog.step, dict(dialog.data), text)
        elif not ctx.known:
            return
        elif not (
            await aftercare.said(ctx, text)
            or await self._of_their_own(ctx, text, asked=asked)
            or await checkins.said(ctx, text)
        ):
            await ctx.reply("not_understood")

    async def _of_their_own(self, ctx: Context, text: str, *, asked: bool) -> bool:
        """What people say without being asked for it: about a trip, a time to be asked at, a phone
        that will soon be silent. An open question stays open, and is asked again."""
        hinted = await whereabouts.hear(ctx, text)
        if ctx.duress:
            return False
        if await collectives.said(ctx, text):
            return True
        if await trips.said(ctx, text) or await once.said(ctx, text):
            if asked and await checkins.waits_for_answer(ctx):
                await checkins.ask_again(ctx, "checkin.reminder")
            return True
        if hinted and not asked and understand(text) is Answer.UNCLEAR:
            await ctx.reply("hint.noted")
            return True
        return False

    async def _cry(self, ctx: Context) -> None:
        """ "Auxilio" or "SOS" and nothing else: an alarm, whatever else was going on."""
        if await checkins.waits_for_answer(ctx):
            await checkins.said(ctx, "auxilio")
        else:
            await incident_acts.panic(ctx)

    # --- timers, outcomes, changes ---

    async def timer(self, tx: Transaction, occasion: timers.Occasion) -> None:
        """A timer is due."""
        await timers.TIMERS[occasion.kind](Context(tx, occasion.now, self._settings), occasion)

    at_once = frozenset(timers.MANY)

    async def timers(self, tx: Transaction, occasions: Sequence[timers.Occasion]) -> None:
        """Several of one kind are due, in this order."""
        many = timers.MANY.get(occasions[0].kind)
        if many is not None:
            await many(Context(tx, occasions[0].now, self._settings), occasions)
        else:
            for occasion in occasions:
                await self.timer(tx, occasion)

    async def ended(
        self, tx: Transaction, row: Row, end: str, result: Result, now: datetime
    ) -> None:
        """A message was sent, is stuck, or will never be."""
        await outcomes.ended(Context(tx, now, self._settings), row, end, result)

    async def file_ready(
        self, tx: Transaction, file: Wanted, cleaned: Cleaned, now: datetime
    ) -> None:
        """A file that somebody sent went through the cleaner."""
        await files.cleaned(Context(tx, now, self._settings), file, cleaned)

    async def file_lost(self, tx: Transaction, file: Wanted, why: str, now: datetime) -> None:
        """A file that somebody sent cannot be had."""
        await files.lost(Context(tx, now, self._settings), file, why)

    async def feed_looked_at(
        self, tx: Transaction, feed: Followed, found: Looked, again: datetime, now: datetime
    ) -> None:
        """A feed of another organisation was looked at."""
        await following.looked_at(Context(tx, now, self._settings), feed, found, again)

    async def published(
        self, tx: Transaction, after: int, now: datetime
    ) -> tuple[Sequence[Publication], int | None]:
        """Some of what is public."""
        return await archive.publications(Context(tx, now, self._settings), after)

    async def outage(self, tx: Transaction, since: datetime, now: datetime) -> None:
        """Nothing ran between the two instants."""
        await installation.resume(Context(tx, now, self._settings), since)

    async def brought_back(self, tx: Transaction, taken: datetime, now: datetime) -> None:
        """The database is a copy of itself from then."""
        await from_backup.brought_back(Context(tx, now, self._settings), taken)

    async def clock_changed(self, tx: Transaction, by: timedelta, now: datetime) -> None:
        """The machine's clock was moved."""
        await installation.clock_changed(Context(tx, now, self._settings), by)

    async def daily(self, tx: Transaction, now: datetime) -> None:
        """What the installation needs."""
        ctx = Context(tx, now, self._settings)
        await canary.prepare(ctx)
        await summary.prepare(ctx)
        await contacts.watch_all(ctx)

    async def trouble(self, tx: Transaction, findings: tuple[str, ...], now: datetime) -> None:
        """What the newest audit found."""
        await installation.trouble(Context(tx, now, self._settings), findings)

    async def migrated(self, tx: Transaction, platform: str, old: str, new: str) -> None:
        """A chat has a new id."""
        await tx.people.move_chat(platform, old, new)
        await tx.conversations.move_chat(platform, old, new)
        await tx.denunciations.move_chat(platform, old, new)
        await tx.outbox.move_chat(platform, old, new)

    async def set_aside(self, tx: Transaction, event: Incoming | None, now: datetime) -> None:
        """It failed too often: the person is told what works, the operators that it happened."""
        if event is not None and event.chat_kind is ChatKind.PRIVATE:
            ctx = await self._context(tx, event, now)
            if ctx.known:
                await ctx.reply("set_aside.person")
        ctx = Context(tx, now, self._settings)
        for place in await canary.operator_places(ctx):
            await ctx.say(place, "set_aside.operator", lane=Lane.ALARM)


def _chooses_words(dialog: Dialog | None) -> bool:
    """Whether what is written now is to be words that mean something from then on."""
    return dialog is not None and dialog.topic in (duress.TOPIC, taking_back.TOPIC)


def _put_to(prompt: Prompt, ctx: Context) -> bool:
    """Whether the speaker is who was asked, and not who else is in that chat today."""
    return prompt.member is None or (ctx.known and ctx.speaker.member.id == prompt.member)


def _means_something(text: str) -> bool:
    """Whether a long word is one that a person cries ("ayudaaaaaaaaaaaaaaaaaaaaa"), and no secret."""
    return is_cry(text) or understand(text) is not Answer.UNCLEAR


def _asks_for_help(text: str) -> bool:
    """Whether these words are an alarm, whatever they are the answer to."""
    command = read_command(text)
    if command is None:
        return is_cry(text) or understand(text) is Answer.HELP
    entry = entries.BY_WORD.get(command[0])
    if entry is not None:
        return entry.run is incident_acts.panic
    return understand(command[0]) is Answer.HELP


def _overtaken(prompt: Prompt) -> bool:
    """Whether a question is closed for good.

    A check-in's question that a reminder replaced still takes an answer: the old buttons may be all
    that a slow network has shown, and the check-in itself knows whether it is open.
    """
    return prompt.closed and prompt.topic != checkins.TOPIC
