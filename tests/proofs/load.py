"""P5: delay is bounded, also for everyone else's alarms while something is wrong with some.

The real process at the real pace (25 messages a second), at real time, against the fake Bot API
server. Delays are from the instant at which something was due, or was written, to the instant at
which the server accepted the alarm, as its log has it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

from bot.domain import checkin as rules
from bot.domain.lanes import Lane
from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from handlers.context import Context, Place
from handlers.stages import ANSWERS
from tests.proofs.killing import START, Installation, first_button, microseconds
from tests.proofs.proof import Figures
from tests.support.botapi import TelegramPerson
from tests.support.world import ZONE
from tests.support.zygote import Zygote

RATE = 25
"""Messages a second."""
WATCHED = 4
"""People of one group who miss: fewer than become a digest."""
LEAD = 4.0
"""Seconds between the start of the bot and the first miss."""
FOR_EVER = 1_000_000
HELD = 344
"""Seconds of silence that the server orders for one chat."""


@dataclass
class Delays:
    """Seconds, and where in their order they are."""

    seconds: list[float] = field(default_factory=list)

    def at(self, part: float) -> float:
        """The delay below which this part of all is."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0

    def __str__(self) -> str:
        return f"{self.at(0.5):.1f}/{self.at(0.99):.1f}/{self.at(1):.1f}"


# --- many misses ----------------------------------------------------------------------------------


TWO_ATTEMPTS = 65.0
"""Seconds: an attempt at a server that answers byte by byte lasts 27 (connecting 5, reading 20, its end
2), there are two, two seconds apart, and the first waits for 5 until others are known as slow."""


@dataclass
class Misses:
    """Who misses when (Unix time), and whose chat their alarm goes to."""

    due: dict[int, float] = field(default_factory=dict)
    chat: dict[int, int] = field(default_factory=dict)
    chats: list[TelegramPerson] = field(default_factory=list)


async def _seed_misses(at: Installation, people: int) -> Misses:
    """So many people who were asked and have not answered; all are missed within one second."""
    made = Misses()
    due = {}
    async with at.seeding() as (tx, ctx):
        for n in range(people // WATCHED):
            group = await tx.people.add_group(f"Red {n}", "", "es", ZONE, START)
            berta, chat = await at.member(tx, group, "Berta", {Role.RESPONDER})
            made.chats.append(chat)
            plan = Plan((Step(timedelta(0), (Recipient(Who.MEMBER, berta),)),),
                        repeat=timedelta(hours=24))  # fmt: skip
            await tx.people.set_plan(plan, group=group)
            for i in range(WATCHED):
                ana, _ = await at.member(tx, group, f"Ana {i}")
                made.chat[ana] = chat.id
                due[ana] = START + timedelta(seconds=LEAD + len(due) / people)
                await _asked(ctx, ana, due[ana])
    await at.begin()
    made.due = {ana: at.clock.real_at(miss) for ana, miss in due.items()}
    return made


async def _asked(ctx: Context, ana: int, miss: datetime) -> None:
    """A check-in whose question has arrived, and that is missed then."""
    due = ctx.now - timedelta(minutes=5, microseconds=ana)
    id = await ctx.tx.checkins.new_id(ana, None, due)
    assert id is not None
    [account] = await ctx.tx.people.accounts_of(ana)
    place = Place("telegram", account.chat, "es", ZONE, member=ana)
    key = await ctx.ask(
        place, "checkin.question", ANSWERS, topic="checkin", ref=id, lane=Lane.CHECKIN,
        purpose=f"checkin:{id}:question",
    )  # fmt: skip
    question = await ctx.tx.outbox.get(key)
    assert question is not None
    await ctx.tx.outbox.finish(question, "sent", ctx.now, message_id="1")
    asked = rules.asked(id, ana, due, timedelta(minutes=5), (), ctx.now)
    await ctx.tx.checkins.save(replace(asked, miss_at=miss))
    await ctx.tx.timers.set("checkin", id, miss)


def _alarm_delays(at: Installation, misses: Misses) -> dict[int, float]:
    """For each person who missed, how long until their responder's chat had the first alarm."""
    sent = at.sent()
    delays: dict[int, float] = {}
    for subject, body in at.rows(
        "SELECT i.subject_id, o.body FROM outbox o JOIN incidents i"
        " ON o.purpose = 'incident:' || i.id || ':alarm' WHERE o.operation = 'send' ORDER BY o.seq"
    ):
        if subject in misses.due and (times := sent.get(first_button(body))):
            delays.setdefault(subject, times[0] - misses.due[subject])
    return delays


Trouble = Callable[[Installation, Misses], Coroutine[Any, Any, list[TelegramPerson]]]


async def _nothing(at: Installation, misses: Misses) -> list[TelegramPerson]:
    return []


async def _held(at: Installation, misses: Misses) -> list[TelegramPerson]:
    """One chat in the middle of the queue."""
    held = misses.chats[len(misses.chats) // 2]
    await at.api.fault(
        "429", method="sendMessage", chat=held.id, times=FOR_EVER, retry_after=HELD
    )  # fmt: skip
    return [held]


async def _never_answers(at: Installation, misses: Misses) -> list[TelegramPerson]:
    """The first chats of the queue: some never answer, some answer byte by byte and never end."""
    dead = misses.chats[: min(12, len(misses.chats) * 2 // 3)]
    for n, chat in enumerate(dead):
        kind = "timeout" if n % 2 else "trickle"
        await at.api.fault(kind, method="sendMessage", chat=chat.id, times=FOR_EVER)
    return dead


async def _resets(at: Installation, misses: Misses) -> list[TelegramPerson]:
    """Every tenth chat: the connection is torn down, before or after the message was delivered."""
    torn = misses.chats[::10]
    for n, chat in enumerate(torn):
        await at.api.fault("reset", method="sendMessage", chat=chat.id, after=n % 2 == 0)
    return torn


async def _misses(
    zygote: Zygote, figures: Figures, people: int, name: str, trouble: Trouble,
    read_timeout: float = 0.0,
) -> Delays:  # fmt: skip
    """Everyone misses in one second, with some trouble. The delays of those who are not under it."""
    with TemporaryDirectory(prefix="acuerpa-load-") as disk:  # a real disk, which takes its time
        async with Installation.open(zygote, 1.0, f"{disk}/acuerpa.db") as at:
            _at_the_real_pace(at)
            misses = await _seed_misses(at, people)
            met = {chat.id for chat in await trouble(at, misses)}
            figures.check(time.time() < min(misses.due.values()), f"{name}: we were too slow to begin")
            await at.live(read_timeout=read_timeout)
            others = {ana for ana, chat in misses.chat.items() if chat not in met}
            await at.until(
                lambda: others <= _alarm_delays(at, misses).keys(), LEAD + 60 + people / RATE
            )
            delays = _alarm_delays(at, misses)
            if lost := len(others - delays.keys()):
                figures.lost += lost
                figures.problems.append(f"{name}: {lost} alarms never arrived")
            asked = Counter(
                int(line["chat"]) for line in at.api.truth("request")
                if line["method"] == "sendMessage" and line["status"] == 429
            )  # fmt: skip
            if asked:
                figures.more["requests_to_the_held_chat"] = max(asked.values())
            if met and trouble is _never_answers and not read_timeout:
                await _moved_on(at, figures, misses, met)
            _look_for_copies(at, figures, name)
            return Delays([delays[ana] for ana in others & delays.keys()])


async def _moved_on(at: Installation, figures: Figures, misses: Misses, met: set[int]) -> None:
    """Those whose chat never answers: their plans wait for two attempts, and no longer."""
    dead = {ana for ana, chat in misses.chat.items() if chat in met}

    def ended() -> dict[int, float]:
        return {
            subject: at.clock.real_at(microseconds(event_at)) - misses.due[subject]
            for subject, event_at in at.rows(
                "SELECT i.subject_id, e.at FROM incident_events e"
                " JOIN incidents i ON i.id = e.incident_id WHERE e.event = 'exhausted'"
            )
            if subject in dead
        }

    figures.check(await at.until(lambda: dead <= ended().keys(), 90), "a dead chat held up its plan")
    longest = max(ended().values(), default=0.0)
    figures.more["plan_waits_for_a_dead_chat_s"] = f"{longest:.0f}"
    figures.check(
        longest <= TWO_ATTEMPTS, f"a plan waited {longest:.0f} s for a chat that never answers"
    )


def _look_for_copies(at: Installation, figures: Figures, name: str) -> None:
    """An alarm comes once more for each end of which nobody knows, and no oftener."""
    unknown = Counter(
        int(line["chat"]) for line in at.api.truth("request")
        if line["status"] == 0 and line["method"] == "sendMessage"
    )  # fmt: skip
    copies: Counter[int] = Counter()
    for line in at.api.truth("message"):
        for row in line.get("reply_markup", {}).get("inline_keyboard", [])[:1]:
            copies[line["chat"], row[0]["callback_data"]] += 1  # type: ignore[index]
    for (chat, _), n in copies.items():  # type: ignore[misc]
        if n > 1 + unknown[chat]:
            figures.duplicated += n - 1
            figures.problems.append(f"{name}: an alarm came {n} times")


def _at_the_real_pace(at: Installation) -> None:
    text = at.config.read_text("utf-8")
    for setting, value in (("per_second", RATE), ("per_chat", 1)):
        assert f"{setting} = 1000" in text
        text = text.replace(f"{setting} = 1000", f"{setting} = {value}")
    at.config.write_text(text, "utf-8")


# --- an alarm during a broadcast ------------------------------------------------------------------


async def _broadcast(zygote: Zygote, figures: Figures, readers: int, alarms: int) -> None:
    """A denunciation goes to many, and meanwhile people cry for help, one every second."""
    async with Installation.open(zygote, 1.0) as at:
        _at_the_real_pace(at)
        criers = []
        async with at.seeding() as (tx, _):
            group = await tx.people.add_group("Red", "Colectivo", "es", ZONE, START)
            for n in range(readers):
                await at.member(tx, group, f"Lina {n}")
            _, olga = await at.member(tx, group, "Olga", {Role.AUTHOR})
            rita_id, rita = await at.member(tx, group, "Rita", {Role.APPROVER})
            await tx.people.set_member(rita_id, subscribed=False)
            for n in range(alarms + 3):
                other = await tx.people.add_group(f"Otra {n}", "", "es", ZONE, START)
                _, dora = await at.member(tx, other, "Dora")
                _, elsa = await at.member(tx, other, "Elsa", {Role.RESPONDER})
                criers.append((dora, elsa))
        await at.begin()
        await at.live()
        alone = Delays([await _cry(at, *pair) for pair in criers[:3]])
        for text, answer in (("/denuncia", "título"), ("Título", "texto"), ("Un texto", "Título")):
            await olga.writes(text)
            await _sees(at, olga, answer)
        await olga.presses("Enviar a revisión")
        await _sees(at, rita, "Un texto")
        await rita.presses("Aprobar y publicar")
        during = Delays()
        arrived = "SELECT count(*) FROM outbox WHERE purpose LIKE 'denunciation:%' AND state = 'sent'"
        for pair in criers[3:]:
            began = time.monotonic()
            during.seconds.append(await _cry(at, *pair))
            if at.count(arrived) >= readers:
                break
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - began)))
        figures.check(
            await at.until(lambda: at.count(arrived) >= readers, 30 + readers / RATE * 2),
            "the broadcast never came to its end",
        )
        times = [line["at"] for line in at.api.truth("message") if "Un texto" in line["text"]]
        figures.runs += len(during.seconds)
        figures.more["alarm_alone_s"] = f"{alone.at(1):.2f}"
        figures.more["alarm_during_broadcast_s"] = f"{during.at(0.5):.2f}/{during.at(1):.2f}"
        figures.more["broadcast_per_s"] = f"{len(times) / (max(times) - min(times)):.1f}"
        figures.check(len(during.seconds) >= alarms / 2, "the broadcast was over too soon")
        figures.check(during.at(1) <= 3.0, f"an alarm during a broadcast took {during.at(1):.1f} s")


async def _cry(at: Installation, dora: TelegramPerson, elsa: TelegramPerson) -> float:
    """Seconds from "auxilio" to the responder's alarm."""
    began = time.time()
    await dora.writes("/auxilio")
    return await _sees(at, elsa, "Dora pide auxilio") - began


async def _sees(at: Installation, person: TelegramPerson, words: str) -> float:
    """When it arrived."""
    found: list[float] = []

    def seen() -> bool:
        found.extend(
            line["at"] for line in at.api.truth("message")
            if line["chat"] == person.id and words in line["text"]
        )  # fmt: skip
        return bool(found)

    assert await at.until(seen, 60), f"{person.name} never saw {words!r}"
    return found[0]


# --- all of it ------------------------------------------------------------------------------------

PARTS = ("misses", "half-dead", "broadcast")


async def p5(full: bool, seed: int, parts: Sequence[str] = PARTS) -> Figures:
    """500 misses in one second; one chat that must be left alone; half-dead chats; a broadcast."""
    people = 500 if full else 60
    figures = Figures(worst_delay_s=0.0)
    async with await Zygote.start() as zygote:
        if "misses" in parts:
            await _bounded(zygote, figures, people)
        if "half-dead" in parts:
            read_timeout = 0.0 if full else 6.0  # the program's own is twenty seconds
            troubles = (("half dead", _never_answers), ("resets", _resets))
            for name, trouble in troubles[: 2 if full else 1]:
                delays = await _misses(zygote, figures, people, name, trouble, read_timeout)
                figures.runs += len(delays.seconds)
                figures.more[f"{name.replace(' ', '_')}_s"] = str(delays)
                limit = people / RATE + 10
                figures.check(delays.at(0.99) <= limit, f"{name}: p99 is {delays.at(0.99):.1f} s")
        if "broadcast" in parts:
            await _broadcast(zygote, figures, *((3000, 60) if full else (120, 3)))
    return figures


async def _bounded(zygote: Zygote, figures: Figures, people: int) -> None:
    """The promise itself, twice: with nothing wrong, and with one chat under RetryAfter.

    The others are as they were if their delays' median and 99th part differ by no more than two
    seconds or a tenth. Whatever else the machine does shows in both, and not at the same time: what
    is too late is measured again, and only what is each time is the program's.
    """
    limit = 30.0 if people >= 500 else people / RATE + 10
    for left in (2, 1, 0):
        free = await _misses(zygote, figures, people, "free", _nothing)
        held = await _misses(zygote, figures, people, "held", _held)
        late = [
            f"{name}: p99 is {delays.at(0.99):.1f} s"
            for name, delays in (("free", free), ("held", held)) if delays.at(0.99) > limit
        ]  # fmt: skip
        for part in (0.5, 0.99):
            apart = held.at(part) - free.at(part)
            if apart > max(2.0, free.at(part) / 10):
                late.append(f"one chat held: the part {part} of the others is {apart:.1f} s later")
        if not late:
            break
        figures.more["measured_again"] = 3 - left
    figures.problems += late
    figures.runs += len(free.seconds) + len(held.seconds)
    figures.worst_delay_s = max(free.at(1), held.at(1))
    figures.more["p50/p99/max_s"] = str(free)
    figures.more["with_one_chat_held_s"] = str(held)
