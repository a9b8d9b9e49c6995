"""P6: no storm after downtime."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from bot.domain.checkin import LONGEST_HOLD, SHORT_HOLD
from bot.domain.people import Risk, Role
from bot.domain.plan import Plan, Recipient, Step, Who
from tests.proofs.proof import Figures
from tests.proofs.town import START, Living, living

MINUTE = timedelta(minutes=1)
PLAN = Plan(
    (
        Step(timedelta(0), (Recipient(Who.CIRCLE),)),
        Step(15 * MINUTE, (Recipient(Who.CIRCLE), Recipient(Who.COORDINATORS))),
    )
)


async def p6(full: bool, seed: int) -> Figures:
    """12 hours without a bot, many people due, six responders.

    A third had been asked before and were waiting, the others fell due while nobody asked; some
    answered meanwhile, some answer once they are asked again, some are at high risk.
    """
    rng = random.Random(seed)
    figures = Figures(worst_delay_s=0.0)
    for _ in range(3 if full else 1):
        await _outage(rng, figures, 300 if full else 40)
    return figures


async def _outage(rng: random.Random, figures: Figures, people: int) -> None:
    async with living() as bot:
        group = await bot.group("Red", PLAN)
        circle = [await bot.member(group, f"Berta {n}", [Role.RESPONDER]) for n in range(6)]
        graces: dict[int, timedelta] = {}
        high: set[int] = set()
        asked: set[int] = set()
        for n in range(people):
            risk = Risk.HIGH if rng.random() < 0.03 else Risk.MEDIUM
            member = await bot.member(group, f"Ana {n}", risk=risk)
            graces[member] = rng.choice([5, 10, 14, 15, 30, 60]) * MINUTE
            before = rng.random() < 0.33
            at = time(12, rng.randrange(1, 3)) if before else time(rng.randrange(13, 22), 30)
            await bot.asked(member, at, graces[member])
            if before:
                asked.add(member)
            if risk is Risk.HIGH:
                high.add(member)
        await bot.on()
        await bot.until(START + 3 * MINUTE)
        bot.off()
        await bot.until(START + timedelta(hours=6))
        answered = {m for m in asked if rng.random() < 0.3}
        for member in answered:
            bot.writes(member, "ok")
        await bot.until(START + timedelta(hours=12, minutes=3))
        back = bot.clock.now()
        await bot.on()
        waits = {m: LONGEST_HOLD if g >= LONGEST_HOLD else SHORT_HOLD for m, g in graces.items()}
        later = {m for m in graces if m not in high and rng.random() < 0.5}
        await bot.until(back + 3 * MINUTE)
        for member in later:
            bot.writes(member, "estoy bien")
        await bot.until(back + LONGEST_HOLD + 4 * MINUTE)
        outage = Outage(bot, back, circle, waits, high, answered | later)
        await _judge(figures, outage)


@dataclass
class Outage:
    """What happened, for the judge: `waits` is how long each may be held, `fine` who answered."""

    bot: Living
    back: datetime
    circle: list[int]
    waits: dict[int, timedelta]
    high: set[int]
    fine: set[int]


async def _judge(figures: Figures, then: Outage) -> None:
    figures.runs += 1
    bot, back = then.bot, then.back
    async with bot.database.transaction() as tx:
        about = {m: await tx.incidents.open_about(m) for m in then.waits}
        broken = await tx.audit.broken(bot.clock.now())
    figures.check(not broken, f"the audit finds {broken}")
    digests = [m.at for m in bot.heard(then.circle[0], back) if "no respondieron" in m.plain]
    alarms = [m for m in bot.heard(then.circle[0], back) if m.plain.startswith("Incidente")]
    for reader in then.circle:
        early = [m for m in bot.heard(reader, back) if m.at < back + LONGEST_HOLD]
        bundled = [m for m in early if not m.plain.startswith("Incidente")]
        figures.check(len(bundled) <= 2, f"{len(bundled)} messages to one responder in 15 minutes")
        figures.more["messages_in_15_min"] = len(bundled)
    for member, wait in then.waits.items():
        incident = about[member]
        if member in then.fine - then.high:
            figures.check(incident is None, f"{member} answered and is an incident")
            continue
        if member in then.fine:
            continue  # at high risk, and answered: never held, so it may have been too late
        if incident is None:
            figures.lost += 1
            figures.problems.append(f"{member} is missing, and it is no incident")
            continue
        if member in then.high:
            heard = [m.at for m in alarms if f"#{incident.number}" in m.plain]
        else:
            heard = [at for at in digests if at >= incident.opened_at]
        limit = timedelta(0) if member in then.high else wait
        if not heard or heard[0] > back + limit + 2 * MINUTE:
            figures.lost += 1
            figures.problems.append(f"{member} was not told of in time: {heard[:1]}, {back}")
            continue
        late = (heard[0] - back - limit).total_seconds()
        figures.worst_delay_s = max(figures.worst_delay_s or 0.0, late)
