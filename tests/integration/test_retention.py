"""What is over is erased, and not one byte of it stays in the files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from storage.retention import Keep
from tests.support.stage_sandbox import SandboxStage
from tests.support.world import World

SHORT = Keep(timedelta(days=7), timedelta(days=30), timedelta(days=60), timedelta(days=90))


def envelopes(folder: Path) -> dict[str, set[bytes]]:
    """Every sealed field that is in the database now, by its table."""
    found: dict[str, set[bytes]] = {}
    with closing(sqlite3.connect(f"file:{folder / 'acuerpa.db'}?mode=ro", uri=True)) as database:
        tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f"SELECT * FROM {table}"):
                found.setdefault(table, set()).update(
                    v for v in row if isinstance(v, bytes) and len(v) > 40
                )
    return found


def bytes_in(folder: Path) -> bytes:
    """All that a thief of the files has."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("acuerpa.db*")))


async def test_what_is_over_leaves_the_files(tmp_path: Path) -> None:
    stage = await SandboxStage.open(tmp_path / "acuerpa.db")
    stage.engine._keep = SHORT
    world = World(stage)
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await ana.asked_daily("09:00", more="sin avisos")
    await world.until("09:45")
    await berta.presses("Yo me encargo")
    await berta.presses("Cerrar")
    await berta.presses("a salvo")
    await ana.writes("/horario")
    for person in world.people:
        await person.reads_all()
    before = envelopes(tmp_path)
    assert all(envelope in bytes_in(tmp_path) for envelope in before["incident_events"])

    erased = []
    for days in (8, 61, 91):
        async with stage.database.transaction() as tx:
            for schedule in await tx.checkins.all_schedules():
                await tx.checkins.pause(schedule.id, world.now + timedelta(days=days + 5))
        await world.forward(days=days)
        erased.append(await stage.engine.erase())
    assert all(erased)
    for person in world.people:
        await person.reads_all()
    after, raw = envelopes(tmp_path), bytes_in(tmp_path)
    gone = {table: before[table] - after.get(table, set()) for table in before}
    for table in ("inbox", "outbox", "incidents", "incident_events", "prompts"):
        assert gone[table], table
    assert not [t for t, old in gone.items() for envelope in old if envelope in raw]
    # Who is in the group, and whether Ana is watched, is not over.
    assert before["members"] == after["members"]
    assert before["accounts"] == after["accounts"]
    await ana.writes("/estado")
    assert await ana.reads_all()
    await world.close()
