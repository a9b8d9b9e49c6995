"""P10: the watcher is watched. Whatever happens to the bot, somebody outside raises an alarm.

The real process runs with a monitor outside that behaves as healthchecks does: it raises an alarm
when it is told of trouble, and three minutes after the last ping. Simulated time runs `speed` times
as fast as real time, and everything in the program that is patient in real seconds is less patient
by the same factor, so that "within five minutes" is measured in the same clock as everything else.
"""

from __future__ import annotations

import asyncio
import random
import resource
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import time as wall
from datetime import timedelta
from itertools import pairwise
from typing import Any

from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from bot.domain.schedule import EVERY_DAY, Schedule
from handlers.schedules import begin as begin_schedule
from tests.proofs.killing import START, Installation
from tests.proofs.proof import Figures
from tests.support.botapi import TelegramPerson
from tests.support.outside import Outside
from tests.support.world import ZONE
from tests.support.zygote import AffineClock, Life, Zygote

SPEED = 15.0
"""Simulated seconds in a real one, unless a kind of trouble says otherwise."""
FIVE_MINUTES, ONE_MINUTE = 300.0, 60.0
PATIENCE = 180.0
"""Simulated seconds without a ping after which the monitor raises an alarm."""
INTERVAL = 20.0
"""Simulated seconds between two audits, as the program has it."""
TOGETHER = 12
"""Bots that run at the same time."""
STEADY = 90.0
"""Simulated seconds between two pings: the program's are 40, and the machine may be busy."""
HEALTHY = 8 * 60.0
"""Simulated seconds in which nothing is wrong."""


async def p10(full: bool, seed: int) -> Figures:
    """Each kind of trouble once, or ten times; and a bot that is well."""
    rng = random.Random(seed)
    times = 10 if full else 1
    figures = Figures(worst_delay_s=0.0)
    async with await Zygote.start() as zygote:
        ground = Ground(zygote)

        async def one(trouble: Trouble, wait: float) -> None:
            async with ground.places:
                await _troubled(ground, figures, trouble, wait)

        async def well() -> None:
            async with ground.places:
                await _well(ground, figures)

        order = [(trouble, rng.random()) for trouble in TROUBLES for _ in range(times)]
        rng.shuffle(order)
        await asyncio.gather(well(), *(one(trouble, wait) for trouble, wait in order))
    figures.more["kinds"] = len(TROUBLES)
    return figures


@dataclass
class Ground:
    """What all scenes share. `making`: the tool that makes tables keeps its work in globals."""

    zygote: Zygote
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TOGETHER))
    making: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class Scene:
    """One bot, its people, and who watches it."""

    at: Installation
    outside: Outside
    life: Life
    ana: TelegramPerson
    berta: TelegramPerson
    olivia: TelegramPerson
    held: list[Any] = field(default_factory=list)

    async def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Poll, for so many simulated seconds."""
        return await self.at.until(done, seconds / self.at.clock.speed)


@asynccontextmanager
async def _scene(ground: Ground, speed: float, what: str = "") -> AsyncIterator[Scene]:
    """Ana is watched, Berta is told, Olivia operates the bot; the canary is asked at 09:01."""
    async with Installation.open(ground.zygote, speed) as at, Outside.open(PATIENCE / speed) as outside:
        olivia = await at.api.person("Olivia", language="es")
        at.config.write_text(
            f'operators = ["telegram:{olivia.id}"]\n'
            + at.config.read_text("utf-8")
            + f'[watch]\nurl = "{outside.url}"\ninterval = {INTERVAL / speed}\ncanary = "09:01"\n',
            encoding="utf-8",
        )
        async with ground.making, at.seeding() as (tx, ctx):
            group = await tx.people.add_group("Red", "", "es", ZONE, START)
            circle = Step(timedelta(0), (Recipient(Who.CIRCLE),))
            await tx.people.set_plan(Plan((circle,)), group=group)
            watched, ana = await at.member(tx, group, "Ana")
            _, berta = await at.member(tx, group, "Berta", {Role.RESPONDER})
            rule = Schedule(
                days=EVERY_DAY, times=(wall(9),), zone=ZONE, grace=timedelta(minutes=5)
            )
            await begin_schedule(ctx, watched, rule)
        at.clock = AffineClock(START, time.time(), speed)
        life = await ground.zygote.bot(
            at.config, at.clock, at.folder,
            prepare="tests.support.sabotage:prepare", given={"speed": speed, "what": what},
        )  # fmt: skip
        scene = Scene(at, outside, life, ana, berta, olivia)
        try:
            yield scene
        finally:
            await life.kill()
            for held in scene.held:
                held.close()


# --- trouble --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    """What happens, how fast time goes, and within how many simulated seconds somebody must know.

    `inside` is broken by the bot's own process (`tests.support.sabotage`); `told` is what the
    monitor must have heard, if it is to hear anything.
    """

    name: str
    happens: Callable[[Scene], Awaitable[None]]
    inside: str = ""
    told: str = ""
    within: float = FIVE_MINUTES
    speed: float = SPEED


async def _broken_inside(scene: Scene) -> None:
    scene.life.signal(signal.SIGUSR1)


async def _stopped(scene: Scene) -> None:
    scene.life.signal(signal.SIGSTOP)


async def _killed(scene: Scene) -> None:
    await scene.life.kill()


async def _database_locked(scene: Scene) -> None:
    """Another program begins to write and never ends."""
    other = sqlite3.connect(scene.at.folder / "acuerpa.db", timeout=5, isolation_level=None,
                            check_same_thread=False)  # fmt: skip
    scene.held.append(other)
    await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")


async def _disk_full(scene: Scene) -> None:
    """No file can grow any more."""
    _, most = resource.prlimit(scene.life.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(scene.life.pid, resource.RLIMIT_FSIZE, (4096, most))


async def _token_revoked(scene: Scene) -> None:
    await scene.at.api.revoke()


async def _platform_gone(scene: Scene) -> None:
    await scene.at.api.stop()


async def _platform_mute(scene: Scene) -> None:
    """It takes every request and answers none."""
    await scene.at.api.fault("timeout", times=1_000_000)


async def _alarm_unsent(scene: Scene) -> None:
    """Berta's chat may not be written to for hours."""
    await scene.at.api.fault("429", method="sendMessage", times=1000, retry_after=10_000)
    await scene.ana.writes("/auxilio")


async def _nobody_reached(scene: Scene) -> None:
    """Everyone of the plan has closed the chat."""
    await scene.berta.blocks()
    await scene.ana.writes("/auxilio")


async def _canary_unsung(scene: Scene) -> None:
    """The operator has closed the chat; nobody would notice before the next real alarm."""
    await scene.olivia.blocks()
    missed = "SELECT count(*) FROM incidents WHERE kind = 'canary'"
    assert await scene.until(lambda: scene.at.count(missed) > 0, 600), "the canary was never missed"


async def _row_lost(scene: Scene) -> None:
    """Something took the timer of Ana's next question away."""
    with closing(sqlite3.connect(scene.at.folder / "acuerpa.db", timeout=5)) as other:
        other.execute("DELETE FROM timers WHERE kind = 'schedule'")
        other.commit()


TROUBLES = (
    Trouble("loop_stopped", _stopped),
    Trouble("loop_blocked", _broken_inside, inside="loop_blocked"),
    Trouble("database_locked", _database_locked, told="database_unavailable"),
    Trouble("transaction_hangs", _broken_inside, inside="transaction_hangs", told="database_silent"),
    Trouble("disk_full", _disk_full, told="database_unavailable"),
    Trouble("token_revoked", _token_revoked, told="platform_refused:telegram"),
    Trouble("auditor_dead", _broken_inside, inside="auditor_dies"),
    Trouble("auditor_hangs", _broken_inside, inside="auditor_hangs"),
    Trouble(
        "dispatcher_dead", _broken_inside, inside="dispatcher_killed", told="part_silent:send.telegram"
    ),
    Trouble(
        "dispatcher_hangs", _broken_inside, inside="dispatcher_hangs", told="part_silent:send.telegram"
    ),
    Trouble("timers_dead", _broken_inside, inside="timers_die", told="part_silent:due"),
    Trouble("timers_hang", _broken_inside, inside="timers_hang", told="part_silent:due"),
    Trouble("worker_dead", _broken_inside, inside="worker_killed", told="part_silent:handle"),
    Trouble("receiver_hangs", _broken_inside, inside="receiver_hangs", told="silent:"),
    Trouble("right_not_renewed", _broken_inside, inside="fence_killed", told="right_run_out"),
    Trouble("platform_gone", _platform_gone, told="platform_silent:telegram"),
    Trouble("platform_mute", _platform_mute, told="platform_silent:telegram"),
    Trouble("process_killed", _killed),
    Trouble("timer_lost", _row_lost, told="schedule_without_timer"),
    Trouble("alarm_unsent", _alarm_unsent, told="alarm_unsent"),
    Trouble("canary_unsung", _canary_unsung, told="incident_nobody_reached", speed=30.0),
    Trouble(
        "nobody_reached", _nobody_reached, told="incident_nobody_reached", within=ONE_MINUTE,
        speed=5.0,
    ),
)  # fmt: skip
"""Those of the promise, and more."""


async def _troubled(ground: Ground, figures: Figures, trouble: Trouble, wait: float) -> None:
    """All is well until it happens; then somebody outside must know in time."""
    figures.runs += 1
    async with _scene(ground, trouble.speed, trouble.inside) as scene:
        outside = scene.outside
        begun = await scene.until(lambda: len(outside.well()) >= 2, 600)
        figures.check(begun, f"{trouble.name}: never said to be well: {outside.pings}")
        await asyncio.sleep(wait * INTERVAL / trouble.speed)
        early = outside.alarm()
        figures.check(early is None, f"{trouble.name}: an alarm before: {outside.pings[-3:]}")
        since = time.time()
        await trouble.happens(scene)
        if trouble.name == "canary_unsung":
            since = time.time()  # when it was missed
        late = await _heard(scene, since, trouble)
        if late is None:
            figures.lost += 1
            log = (scene.at.folder / "bot.log").read_text("utf-8", "replace")[-1500:]
            figures.problems.append(f"{trouble.name}: nobody outside knows: {log}")
            return
        figures.worst_delay_s = max(figures.worst_delay_s or 0.0, late)
        if trouble.within == ONE_MINUTE:
            figures.more["nobody_reached_s"] = f"{late:.0f}"
        figures.check(late <= trouble.within, f"{trouble.name}: only after {late:.0f} s")
        found = outside.findings(since)
        figures.check(
            any(trouble.told in finding for finding in found) or not trouble.told,
            f"{trouble.name}: told of {found}",
        )


async def _heard(scene: Scene, since: float, trouble: Trouble) -> float | None:
    """After how many simulated seconds somebody knew, of what it was if it was to be told."""

    def knows() -> bool:
        found = scene.outside.findings(since)
        told = not trouble.told or any(trouble.told in finding for finding in found)
        return told and scene.outside.alarm(since) is not None

    # Longer than it may take, to say how late it was.
    await scene.until(knows, 1.5 * FIVE_MINUTES)
    at = scene.outside.alarm(since)
    if at is None:
        return None
    return max(0.0, at - since) * trouble.speed


# --- and none -------------------------------------------------------------------------------------


async def _well(ground: Ground, figures: Figures) -> None:
    """A miss is told and the canary sings: the monitor is pinged steadily, and that is all."""
    async with _scene(ground, 20.0) as scene:
        speed = scene.at.clock.speed
        await asyncio.sleep(HEALTHY / speed)
        outside = scene.outside
        figures.check(outside.alarm() is None, f"a false alarm: {outside.pings[-5:]}")
        times = [ping.at for ping in outside.well()]
        gaps = [(later - earlier) * speed for earlier, later in pairwise(times)]
        figures.more["pings"] = len(times)
        figures.more["longest_gap_s"] = f"{max(gaps, default=HEALTHY):.0f}"
        figures.check(max(gaps, default=HEALTHY) <= STEADY, f"not pinged steadily: {gaps}")
        words = {
            person.name: "\n".join(m["text"] for m in scene.at.api.truth("message")
                                   if m["chat"] == person.id)
            for person in (scene.berta, scene.olivia)
        }  # fmt: skip
        figures.check("Ana no respondió" in words["Berta"], "Ana's miss reached nobody")
        figures.check("Prueba diaria" in words["Olivia"], "the canary was not heard")
        figures.check(
            words["Olivia"].count("\n") < 3, f"the operator heard more: {words['Olivia']}"
        )
