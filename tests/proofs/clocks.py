"""P8: a clock that is set and a clock change of the law do no harm."""

from __future__ import annotations

import random
from datetime import datetime, time, timedelta

from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from tests.proofs.proof import Figures
from tests.proofs.town import START, living
from tests.proofs.zones import zones

MINUTE = timedelta(minutes=1)
JUMPS = {
    "+1h": timedelta(hours=1),
    "-1h": timedelta(hours=-1),
    "+1d": timedelta(days=1),
    "-1d": timedelta(days=-1),
    "1970": datetime(1970, 1, 1, tzinfo=START.tzinfo) - START,
}
GRACE = 45 * MINUTE
STEP = 20 * MINUTE
LOOK = timedelta(minutes=1)
"""How closely it is looked at."""


async def p8(full: bool, seed: int) -> Figures:
    """Every zone change of 20 zones, and clocks that are set while people are being waited for."""
    figures = await zones(full, seed)
    figures.more["zone_changes"] = figures.runs
    figures.worst_delay_s = 0.0
    rng = random.Random(seed)
    cases = [(name, by, again) for name, by in JUMPS.items() for again in (timedelta(0), -by)]
    for _ in range(5 if full else 1):
        for name, by, again in cases if full else rng.sample(cases, 4):
            await _set(figures, rng, name, by, again)
    return figures


async def _set(
    figures: Figures, rng: random.Random, name: str, by: timedelta, again: timedelta
) -> None:
    """Ana is asked and does not answer; the clock is set before the miss or before the second step.

    `again` sets it once more. By the steady clock, the miss comes `GRACE` after the question and the
    second step `STEP` after the miss, whatever the machine's clock says.
    """
    figures.runs += 1
    async with living() as bot:
        group = await bot.group(
            "Red",
            Plan(
                (
                    Step(timedelta(0), (Recipient(Who.CIRCLE),)),
                    Step(STEP, (Recipient(Who.COORDINATORS),)),
                ),
                repeat=timedelta(hours=20),
            ),
        )
        berta = await bot.member(group, "Berta", [Role.RESPONDER])
        coral = await bot.member(group, "Coral", [Role.COORDINATOR])
        ana = await bot.member(group, "Ana")
        await bot.asked(ana, time(12, 30), GRACE)
        await bot.on()
        heard: dict[str, float] = {}
        jumps = sorted(rng.uniform(31, 94) * 60 for _ in range(2))
        turns = list(zip(jumps, (by, again), strict=True))
        until = (timedelta(minutes=30) + GRACE + STEP + 2 * MINUTE).total_seconds()
        while bot.clock.steady < until:
            await bot.until(bot.clock.now() + LOOK)
            for who, member, text in (
                ("question", ana, "¿Estás bien?"),
                ("miss", berta, "no respondió"),
                ("second step", coral, "no respondió"),
            ):
                if who not in heard and any(text in m.plain for m in bot.heard(member)):
                    heard[who] = bot.clock.steady
            if turns and bot.clock.steady >= turns[0][0]:
                bot.clock.jump(turns.pop(0)[1])
        what = f"{name}{' and back' if again else ''} at {[round(j) for j in jumps]} s"
        for who, due in (("miss", GRACE), ("second step", GRACE + STEP)):
            if who not in heard:
                figures.lost += 1
                figures.problems.append(f"{what}: no {who}")
                continue
            off = heard[who] - heard["question"] - due.total_seconds()
            figures.worst_delay_s = max(figures.worst_delay_s or 0.0, abs(off))
            figures.check(abs(off) <= LOOK.total_seconds() + 1, f"{what}: {who} {off} s off")
        asked = sum("¿Estás bien?" in m.plain for m in bot.heard(ana))
        if asked > 1:
            figures.duplicated += 1
            figures.problems.append(f"{what}: asked {asked} times")
