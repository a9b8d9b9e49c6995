"""The second half of P9: where a plan's every channel is dead, the outside watcher knows in a minute.

The real process, with a monitor of its own to ping; the audit itself is set to come far too late.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import web

from bot.domain.incident import Kind
from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from handlers.context import Context
from handlers.incidents import open_incident
from tests.proofs.killing import START, Installation
from tests.proofs.proof import Figures
from tests.support.agreed import agreed_by_all
from tests.support.botapi import TelegramPerson
from tests.support.gate import Gate
from tests.support.world import ZONE
from tests.support.zygote import Zygote

WITHIN = 60.0
"""Seconds, by the bot's clock."""
FOR_EVER = 1_000_000


@dataclass
class Monitor:
    """Whoever is pinged: what came, and when."""

    url: str = ""
    pings: list[tuple[float, str, str]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Monitor]:
        """A server of its own on loopback."""
        monitor = cls()

        async def ping(request: web.Request) -> web.Response:
            monitor.pings.append((time.time(), request.path, await request.text()))
            return web.Response()

        app = web.Application()
        app.router.add_post("/{path:.*}", ping)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        monitor.url = f"http://127.0.0.1:{runner.addresses[0][1]}/check"
        try:
            yield monitor
        finally:
            await runner.cleanup()

    def alarmed(self) -> float | None:
        """When it heard first that nobody was reached."""
        for at, path, words in self.pings:
            if path == "/check/fail" and "incident_nobody_reached" in words:
                return at
        return None


Trouble = Callable[[Installation, Gate, list[TelegramPerson]], Awaitable[None]]


def _of_chats(kind: str, **how: object) -> Trouble:
    async def begin(at: Installation, gate: Gate, people: list[TelegramPerson]) -> None:
        for person in people:
            await at.api.fault(
                kind, method="sendMessage", chat=person.id, times=FOR_EVER, **how  # type: ignore[arg-type]
            )

    return begin


async def _refused(at: Installation, gate: Gate, people: list[TelegramPerson]) -> None:
    await gate.shut()


TROUBLES: dict[str, Trouble] = {
    "blocked": _of_chats("blocked"),
    "server error": _of_chats("500"),
    "connection refused": _refused,
    "never an answer": _of_chats("timeout"),
    "too many requests": _of_chats("429", retry_after=344),
}


async def unheard(full: bool, figures: Figures) -> None:
    """Each trouble in an installation of its own, all at the same time."""
    names = list(TROUBLES) if full else ["blocked", "server error", "too many requests"]
    worst = 0.0
    alone = asyncio.Lock()
    speed = 1 if full else 10
    async with await Zygote.start() as zygote:
        found = await asyncio.gather(*(_one(zygote, name, speed, alone) for name in names))
    for name, after in zip(names, found, strict=True):
        figures.runs += 1
        if after is None or after > WITHIN:
            figures.lost += 1
            figures.problems.append(f"{name}: the outside watcher heard after {after} s")
        else:
            worst = max(worst, after)
    figures.more["watcher_told_s"] = f"{worst:.0f}"


async def _one(zygote: Zygote, name: str, speed: float, alone: asyncio.Lock) -> float | None:
    """Seconds from the incident to the watcher's alarm; None if there is none.

    `alone`: two databases cannot be brought to the newest schema by one process at once.
    """
    async with (
        Installation.open(zygote, speed) as at,
        await Gate.to(at.api.port) as gate,
        Monitor.open() as monitor,
    ):
        text = at.config.read_text("utf-8").replace(at.api.url, gate.url)
        at.config.write_text(f'{text}\n[watch]\nurl = "{monitor.url}"\ninterval = 300\n', "utf-8")
        async with alone, at.seeding() as (tx, ctx):
            group = await tx.people.add_group("Red", "", "es", ZONE, START)
            ana, _ = await at.member(tx, group, "Ana")
            berta, one = await at.member(tx, group, "Berta", {Role.RESPONDER})
            carla, other = await at.member(tx, group, "Carla", {Role.RESPONDER})
            plan = Plan(
                (
                    Step(timedelta(0), (Recipient(Who.MEMBER, berta),)),
                    Step(timedelta(minutes=30), (Recipient(Who.MEMBER, carla),)),
                )
            )
            await agreed_by_all(tx, group, plan, START)
        await at.begin()
        await at.live()
        await at.until(lambda: bool(at.api.truth("request")), 30)
        await TROUBLES[name](at, gate, [one, other])
        async with alone, at.seeding() as (tx, ctx):
            began = time.time()
            await open_incident(Context(tx, at.clock.now(), ctx.settings), ana, Kind.PANIC)
        await at.until(lambda: monitor.alarmed() is not None, 1.5 * WITHIN / speed + 5)
        alarmed = monitor.alarmed()
        return None if alarmed is None else (alarmed - began) * speed
