"""How long the bot itself takes on a real Synapse: from due to accepted, and from miss to alarm.

`python -m bench.delay` prints both in milliseconds. The clock is moved to the instant at which the
thing is due, so that what is measured is our own work, encryption, and the homeserver's answer.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from tests.support.stage_matrix import MatrixStage
from tests.support.synapse import Synapse
from tests.support.world import World

DAYS = 5


async def measure(synapse: Synapse, folder: Path) -> None:
    """Ana is asked and does not answer; the incident is closed; and again, for some days."""
    world = World(await MatrixStage.open(folder, synapse))
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await group.plan("ya: Berta")
    await ana.asked_daily("09:00", more="sin avisos")
    due, alarm = [], []
    for _ in range(DAYS):
        await world.until("08:59")
        due.append(await timed(world, "09:00"))
        await ana.sees("¿Estás bien?")
        await world.until("09:44")
        alarm.append(await timed(world, "09:45"))
        await berta.sees("Ana no respondió")
        await berta.presses("Yo me encargo")
        await berta.presses("Cerrar")
        await berta.presses("a salvo")
        await berta.reads_all()
    for name, times in (("due_to_accepted_ms", due), ("miss_to_alarm_accepted_ms", alarm)):
        print(f"{name} median={statistics.median(times):.0f} max={max(times):.0f} n={len(times)}")
    await world.close(failed=True)


async def timed(world: World, wall: str) -> float:
    """Milliseconds that the bot needs for what is due at this time."""
    began = time.perf_counter()
    await world.until(wall)
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """Start a homeserver, measure, stop it."""
    with tempfile.TemporaryDirectory() as folder:
        synapse = Synapse()
        synapse.start(Path(folder))
        try:
            asyncio.run(measure(synapse, Path(folder)))
        finally:
            synapse.stop()


if __name__ == "__main__":
    main()
