"""A denunciation for ten thousand readers, at the rate that the platform allows, and alarms meanwhile.

Ours is the whole way: approved before, published at its time, a sealed row for each reader, each row
marked before it leaves and written down afterwards. Meanwhile somebody cries for help again and again,
each time another person in another group; what counts is the time from what they wrote to the message
that the server accepted for their responder. The server allows the rate, with what Telegram allows at
once, and refuses what is more with 429.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.frame import Result, Size, figure, percentile
from bench.installation import FIRST_CHAT, ZONE, Installation, populate
from bench.peers.broadcast import TEXT
from bench.processes import Api, Process, a_folder
from bot.domain import denunciation as rules
from bot.domain.denunciation import Denunciation, State
from bot.domain.people import Role
from handlers.publishing import WAIT_TIMER
from storage.transaction import Transaction

READERS = 10_000
PAIRS = 120
FIRST_OF_PAIRS = FIRST_CHAT + 10_000_000
LEAD = 5.0
"""Seconds between the start of the bot and the hour of the denunciation."""


@dataclass
class Run:
    """One broadcast: messages per second while it went on, refusals, seconds that alarms took."""

    per_second: float
    refused: int
    cpu_ms: float
    alarms: list[float] = field(default_factory=list)
    course: dict[str, list[Any]] = field(default_factory=dict)
    """Messages per second in each ten of them, and when each alarm was caused and what it took."""


async def measure(size: Size) -> list[Result]:
    """At thirty a second, and at a thousand."""
    slow = await _both(30, size.of(READERS, 60), size.of(1_500, 60), size.of(PAIRS, 3), 2.7)
    quick = await _both(1_000, size.of(READERS, 400), size.of(READERS, 400), size.of(80, 3), 0.12)
    results = []
    for rate, share, (ours, peer) in ((30, 0.95, slow), (1_000, 0.9, quick)):
        against = f"python-telegram-bot's AIORateLimiter at {rate:,}/s"
        least = share * rate
        results += [
            Result(
                f"broadcast_{rate}", f"A denunciation to {READERS:,} readers, {rate:,}/s allowed",
                "messages/s", figure([ours.per_second]), figure([peer.per_second]), against,
                f"at least {least:.4g}, no refusal", ours.per_second >= least and not ours.refused,
                more={"refused": {"ours": ours.refused, "peer": peer.refused},
                      "cpu_ms_a_message": {"ours": ours.cpu_ms, "peer": peer.cpu_ms},
                      **(ours.course if rate == 30 else {})},
            ),
            Result(
                f"alarm_{rate}", f"An alarm meanwhile, {len(ours.alarms)} times: p99", "s",
                figure([percentile(ours.alarms, 0.99)]), figure([percentile(peer.alarms, 0.99)]),
                against, "under 1 s", percentile(ours.alarms, 0.99) < 1,
                more={"p50": round(percentile(ours.alarms, 0.5), 3), "peer_alarms": len(peer.alarms)},
            ),
        ]  # fmt: skip
    return results


async def _both(
    rate: int, readers: int, of_peer: int, alarms: int, every: float
) -> tuple[Run, Run]:
    with a_folder() as folder:
        ours = await _ours(folder / "ours", rate, readers, alarms, every)
        some = min(alarms, int(of_peer / rate / every) + 1)  # what comes after it says nothing
        return ours, await _peer(folder / "peer", rate, of_peer, some, every)


async def _ours(folder: Path, rate: int, readers: int, alarms: int, every: float) -> Run:
    folder.mkdir()
    at = Installation(folder)
    later = datetime.now(UTC) + timedelta(days=1)
    await populate(at, readers, due=later, due_count=0, of_each=1, in_a_group=readers)
    async with Api.run(folder) as api:
        at.configure(api, per_second=rate, at_once=max(8, rate // 10))
        await api.control("limit", rate=rate)
        async with at.opened() as database, database.transaction() as tx:
            await _pairs(tx, alarms)
            hour = datetime.now(UTC) + timedelta(seconds=LEAD)
            await _approved(tx, hour)
        async with at.running() as bot:
            return await _measured(api, bot, readers, alarms, every)


async def _pairs(tx: Transaction, count: int) -> None:
    """Groups of two: who cries for help, and who hears of it."""
    now = datetime.now(UTC)
    for n in range(count):
        group = await tx.people.add_group(f"Otra {n}", "", "es", ZONE, now)
        for place, roles in enumerate((set[Role](), {Role.RESPONDER})):
            chat = str(FIRST_OF_PAIRS + 2 * n + place)
            member = await tx.people.add_member(group, f"Dora {place}", "es", ZONE, roles, now)
            await tx.people.add_account(member, "telegram", chat, chat, now)


async def _approved(tx: Transaction, hour: datetime) -> Denunciation:
    """By somebody else, for that hour."""
    now = datetime.now(UTC)
    people = []
    for n, role in enumerate((Role.AUTHOR, Role.APPROVER)):
        chat = str(FIRST_OF_PAIRS - 1 - n)
        member = await tx.people.add_member(1, f"Olga {n}", "es", ZONE, {role}, now)
        await tx.people.add_account(member, "telegram", chat, chat, now)
        await tx.people.set_member(member, subscribed=False)
        people.append(member)
    author, approver = people
    id = await tx.denunciations.add(1, 1, author, now)
    draft = await tx.denunciations.get(id)
    assert draft is not None
    draft = replace(
        draft, title="Hostigamiento en la comunidad", text=TEXT, language="es",
        state=State.IN_REVIEW, publish_at=hour,
    )  # fmt: skip
    approved = rules.approved(draft, approver, draft.fingerprint)
    assert isinstance(approved, Denunciation)
    await tx.denunciations.save(approved)
    await tx.timers.set(WAIT_TIMER, id, hour)
    return approved


async def _peer(folder: Path, rate: int, readers: int, alarms: int, every: float) -> Run:
    folder.mkdir()
    async with Api.run(folder) as api:
        await api.control("limit", rate=rate)
        out = folder / "bot.out"
        arguments = ("-m", "bench.peers.broadcast", api.url, str(rate))
        async with Process.run(*arguments, out=out) as bot:
            await api.control("write", chats=[FIRST_OF_PAIRS - 1], texts=[f"/difundir {readers}"])
            return await _measured(api, bot, readers, alarms, every)


async def _measured(api: Api, bot: Process, readers: int, alarms: int, every: float) -> Run:
    """From the first reader's message to the last one's; one cry every so many seconds."""
    to_readers = range(FIRST_CHAT, FIRST_CHAT + readers)
    while not (await api.control("look", since=1 << 40))["count"]:
        bot.alive()
        await asyncio.sleep(0.01)
    cpu = bot.cpu
    causes: list[float] = []
    for n in range(alarms):
        causes.append(time.time())
        await api.control("write", chats=[FIRST_OF_PAIRS + 2 * n], texts=["/auxilio"])
        await asyncio.sleep(every)
    responders = [FIRST_OF_PAIRS + 2 * n + 1 for n in range(alarms)]
    found = await api.reached([*to_readers, *responders], bot, 600)
    times = [at for at, chat, _ in found if chat in to_readers]
    first, last = min(times), max(times)
    meanwhile = sum(first <= at <= last for at, _, _ in found)
    reached: dict[int, float] = {}
    for at, chat, _ in found:
        reached.setdefault(chat, at)
    caused = [
        (cause - first, reached[FIRST_OF_PAIRS + 2 * n + 1] - cause)
        for n, cause in enumerate(causes)
        if cause < last
    ]
    tens = Counter(int((at - first) // 10) for at, _, _ in found if first <= at <= last)
    course = {
        "per_second_by_10_s": [tens[n] / 10 for n in range(int((last - first) // 10))],
        "alarms": [[round(at, 1), round(took, 3)] for at, took in caused],
    }
    refused = (await api.control("look", since=1 << 40))["refused"]
    each = (bot.cpu - cpu) / len(found) * 1000
    rate = (meanwhile - 1) / (last - first)
    return Run(rate, refused, round(each, 3), [took for _, took in caused], course)
