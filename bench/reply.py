"""What an answer to a check-in costs, against python-telegram-bot's echo.

Ours is the whole way: the update is stored with its cursor, read, understood, judged; the check-in is
closed, two messages are queued (the question without its buttons, and a word of thanks), sent, and
written down. The echo keeps nothing and sends one message. Both get a hundred updates at a time.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.frame import Result, Size, figure
from bench.installation import FIRST_CHAT, Installation, populate
from bench.processes import Api, Process, a_folder

RUNS = 3
OURS = 2
"""Messages that one answer of ours is."""
ALLOWED = 1.5
NOTE = (
    "An answer of ours is two messages: the question loses its buttons, and a word of thanks. The echo "
    "sends one and keeps nothing. Ours reads and writes the database 20 times, and all of it waits for "
    "the disk."
)
TEXTS = ["estoy bien", "todo bien", "bien, gracias", "estoy bien!", "Todo tranquilo", "sí, estoy bien"]


async def measure(size: Size) -> list[Result]:
    """Milliseconds of the processor for each answer."""
    people, runs = size.of(2_000, 30), size.of(RUNS, 1)
    ours, peer = [], []
    with a_folder() as folder:
        for n in range(runs):
            ours.append(await _ours(folder / f"ours-{n}", people))
            peer.append(await _echo(folder / f"echo-{n}", people))
    mine, theirs = figure(ours), figure(peer)
    return [
        Result(
            "reply_cpu", f"An answer to a check-in, {people:,} people at batch load", "ms of CPU",
            mine, theirs, "python-telegram-bot's echo, in memory", f"at most {ALLOWED} times as much",
            mine.median <= ALLOWED * theirs.median,
            NOTE,
            more={"messages_each": {"ours": OURS, "peer": 1}},
        )
    ]  # fmt: skip


async def _ours(folder: Path, people: int) -> float:
    folder.mkdir()
    at = Installation(folder)
    await populate(
        at, people, due=datetime.now(UTC) - timedelta(seconds=1), due_count=people, of_each=1
    )
    async with Api.run(folder) as api:
        at.configure(api, per_second=1_000, at_once=100)
        async with at.running() as bot:
            await api.accepted(people, bot)  # they are asked
            await asyncio.sleep(1)
            return await _answered(api, bot, people, OURS)


async def _echo(folder: Path, people: int) -> float:
    folder.mkdir()
    async with Api.run(folder) as api:
        out = folder / "bot.out"
        async with Process.run("-m", "bench.peers.echo", api.url, out=out) as bot:
            await api.control("write", chats=[FIRST_CHAT], texts=["hola"])
            await api.accepted(1, bot)
            return await _answered(api, bot, people, 1)


async def _answered(api: Api, bot: Process, people: int, messages: int) -> float:
    """Milliseconds of the processor for each of so many people, who all write at once."""
    await api.control("forget")
    before = bot.cpu
    chats = [FIRST_CHAT + n for n in range(people)]
    await api.control("write", chats=chats, texts=TEXTS)
    await api.accepted(messages * people, bot)
    await asyncio.sleep(0.5)  # the last ones are written down
    return (bot.cpu - before) / people * 1000
