"""Contacts that are true: whether who is to be told of alarms can still be told.

Each person of the cover confirms with one tap every `EVERY`. Who does not is reminded twice, then
flagged. A flagged person goes on getting every alarm, for less must never be sent; they only count no
more as cover, so that nobody relies on them without knowing.

Using a button of an alarm or of a drill is as good as the tap. Who was told of several and never
reacted is flagged as well, whatever they confirmed: a tap in a quiet hour is not an answer at night.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.domain.schedule import wall_to_instant

EVERY = 14
"""Days between two confirmations, unless the group says otherwise."""

LEAST, MOST = 1, 90
"""Days that a group may set."""

REMIND = timedelta(days=2)
"""Between the question, its two reminders, and the flag."""

REMINDERS = 2

SILENT = 3
"""Alarms and drills without any reaction, one after the other, that flag a person."""

ANSWER = timedelta(minutes=10)
"""How long an alarm must have been there before silence about it says something."""

MORNING, EVENING = time(10), time(20)
"""Wall times between which people are asked: it is never urgent."""


class Due(StrEnum):
    """What `advance` found to be done."""

    NOTHING = "nothing"
    ASK = "ask"
    REMIND = "remind"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Contact:
    """The facts about one person. Instants are UTC.

    `confirmed_at` is when they last showed that they can be reached; whoever joins has just done so.
    `asked_at` when they were asked or reminded last, None if nothing is asked; `flagged_at` since
    when they count no more; `ignored` the alarms and drills since their last reaction.
    """

    member: int
    confirmed_at: datetime
    asked_at: datetime | None = None
    reminders: int = 0
    flagged_at: datetime | None = None
    ignored: tuple[str, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether they did not react so often that it says something."""
        return len(self.ignored) >= SILENT

    @property
    def counts(self) -> bool:
        """Whether they are cover."""
        return self.flagged_at is None

    def until(self, every: timedelta) -> datetime:
        """Until when their word holds."""
        return self.confirmed_at + every

    def next_at(self, every: timedelta) -> datetime:
        """When `advance` finds something to be done next."""
        if self.asked_at is None:
            return self.until(every)
        if self.flagged_at is not None and self.reminders >= REMINDERS:
            return self.asked_at + every  # asked anew, as often as everyone
        return self.asked_at + REMIND


def advance(contact: Contact, every: timedelta, now: datetime) -> tuple[Contact, Due]:
    """The next thing that is due, if it is; one at a time."""
    if now < contact.next_at(every):
        return contact, Due.NOTHING
    if contact.asked_at is None:
        return replace(contact, asked_at=now, reminders=0), Due.ASK
    if contact.flagged_at is not None and contact.reminders >= REMINDERS:
        return replace(contact, asked_at=now, reminders=REMINDERS), Due.ASK
    if contact.reminders < REMINDERS:
        return replace(contact, asked_at=now, reminders=contact.reminders + 1), Due.REMIND
    return flagged(contact, now), Due.FLAG


def confirmed(contact: Contact, now: datetime) -> Contact:
    """They can be reached: with that everything begins anew."""
    return Contact(contact.member, now)


def ignored(contact: Contact, what: str, now: datetime) -> Contact:
    """They were told of `what` again because nothing came back; once for each thing.

    They are flagged by the one that makes them `silent`.
    """
    if what in contact.ignored:
        return contact
    since = (*contact.ignored, what)[-SILENT:]
    after = replace(contact, ignored=since)
    return flagged(after, now) if after.silent else after


def flagged(contact: Contact, now: datetime) -> Contact:
    """They count no more, since the first time that this was found."""
    return replace(contact, flagged_at=contact.flagged_at or now)


def civil(at: datetime, zone: str) -> datetime:
    """The same instant, or the next morning's if it lies in somebody's evening or night."""
    local = at.astimezone(ZoneInfo(zone))
    if MORNING <= local.time() < EVENING:
        return at
    day = local.date() + timedelta(days=1 if local.time() >= EVENING else 0)
    return wall_to_instant(day, MORNING, zone)
