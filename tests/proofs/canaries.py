"""P14: a stolen database, backup or log names no one, and nothing forged is taken.

People full of canaries (`own_scene`) do whatever comes to their minds through the whole engine, while
handlers and platforms fail with everything they know in the exception's text. Then the raw bytes of
the database, its log, a backup (as a whole, and decrypted) and the program's own log are searched, in
every form in which a program may write a word. The same for a bot in its own process on Telegram's
protocol. The crypto store of Matrix has its part in `crypto_store`.
"""

from __future__ import annotations

import logging
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, redirect_stderr
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
import structlog

from bot.commands.logs import Form, quiet_logs
from bot.platforms.base import Incoming, Outgoing, Receipt
from bot.platforms.sandbox.platform import SandboxPlatform
from handlers.router import Router
from storage.database import Database
from storage.rotation import tables
from storage.rows import Sealed
from storage.vault import Refused
from tests.proofs.crypto_store import p14_crypto_store
from tests.proofs.own_enumerated import Enumeration
from tests.proofs.own_machine import Machine
from tests.proofs.own_scene import Scene
from tests.proofs.proof import Figures
from tests.support.backups import taken_apart
from tests.support.rawbytes import hits
from tests.support.stage_bot import TelegramDevice, TelegramStage
from tests.support.world import World

FAILS = 0.08
"""How often handling an event, or sending a message, fails with all that it knows."""

RUNS, STEPS, FLIPS, SWAPS = 30, 50, 10_000, 2_000
SHORT_RUNS, SHORT_STEPS, SHORT_FLIPS, SHORT_SWAPS = 2, 20, 300, 100

DUPLICATE = "Guadalupe-Xochitl-Canaria"
"""A name on Telegram: nothing of it is to be kept, since the person chose another one."""


async def p14(full: bool, seed: int) -> Figures:
    """All parts."""
    rng = random.Random(seed)
    figures = Figures()
    runs, steps = (RUNS, STEPS) if full else (SHORT_RUNS, SHORT_STEPS)
    flips, swaps = (FLIPS, SWAPS) if full else (SHORT_FLIPS, SHORT_SWAPS)
    canaries: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="acuerpa-p14-") as folder:
        await _everybody_talks(figures, Path(folder), rng, runs, steps, canaries)
    with tempfile.TemporaryDirectory(prefix="acuerpa-p14-") as folder:
        await _forged(figures, Path(folder), rng, flips, swaps)
    with tempfile.TemporaryDirectory(prefix="acuerpa-p14-") as folder:
        await _in_its_own_process(figures, Path(folder), canaries)
    store = await p14_crypto_store(full, seed)
    figures.problems += [f"crypto store: {problem}" for problem in store.problems]
    figures.more |= {f"store_{name}": value for name, value in store.more.items()}
    figures.more["canaries"] = len(canaries)
    figures.runs = len(canaries)
    wanted = 500 if full else 60
    figures.check(len(canaries) >= wanted, f"only {len(canaries)} canaries")
    return figures


# --- what everybody may take ----------------------------------------------------------------------


@contextmanager
def _logging_to(path: Path, form: Form) -> Iterator[None]:
    """The program's log as it is written in earnest, into a file."""
    before, root = structlog.get_config(), logging.getLogger()
    with path.open("a", encoding="utf-8") as out, redirect_stderr(out):
        structlog.reset_defaults()  # the proofs hide what the bot in their own process says
        quiet_logs(form)
        # What libraries say in full is looked at as well, though the program does not write it down.
        handler = logging.StreamHandler(out)
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)
            structlog.configure(**before)


@contextmanager
def _failing(rng: random.Random) -> Iterator[list[int]]:
    """Handlers and platforms that fail now and then, and tell all in the exception. How often."""
    count = [0]
    dispatch, send = Router._dispatch, SandboxPlatform.send

    async def dispatches(self: Router, ctx: Any, event: Incoming) -> None:
        await dispatch(self, ctx, event)
        if rng.random() < FAILS:
            count[0] += 1
            raise ValueError(f"{event!r} {ctx.known and ctx.speaker!r}")

    async def sends(self: SandboxPlatform, message: Outgoing) -> Receipt:
        if rng.random() < FAILS:
            count[0] += 1
            raise RuntimeError(f"{message!r}")
        return await send(self, message)

    with patch.object(Router, "_dispatch", dispatches), patch.object(SandboxPlatform, "send", sends):
        yield count


async def _everybody_talks(
    figures: Figures, folder: Path, rng: random.Random, runs: int, steps: int, canaries: set[str]
) -> None:
    log = folder / "bot.log"
    with _logging_to(log, rng.choice(("lines", "json"))):
        scene = await Scene.on_disk(folder)
        await _everything_is_tried(scene, rng)
        canaries |= set(scene.canaries)
        with _failing(rng) as failures:
            for _ in range(runs):
                # Its own judges are P16's business: a handler that fails shows less, never more.
                await Machine(scene, rng, Figures()).run(steps, slow=True)
                canaries |= set(scene.canaries)
        await taken_apart(scene.database, folder / "backups")
        # With the log of the database as full as it is, and then emptied into it.
        found = hits(folder, canaries)
        await scene.database.forget()
        found += hits(folder, canaries)
        await scene.database.close()
    figures.more |= {"failures": failures[0], "hits": len(found), "log_lines": _lines(log)}
    figures.check(failures[0] > 0, "nothing ever failed")
    figures.check(_lines(log) > 0, "the log is empty: nothing was looked at")
    for file, word in sorted(set(found))[:5]:
        figures.problems.append(f"{word} stands in {file}")
    (folder / "planted.db").write_bytes(b"\0" * 100 + sorted(canaries)[0].encode())
    figures.check(bool(hits(folder, canaries)), "the search does not find what is there")


async def _everything_is_tried(scene: Scene, rng: random.Random) -> None:
    """Every command, answer and step, by everyone: what a rolled back transaction left is bytes too."""
    await scene.fill()
    every = Enumeration(scene, Figures(), rng, full=False)
    await every.prepare()
    every.router = Router(replace(scene.settings))
    await every.commands()
    await every.presses()
    await every.talks()


def _lines(log: Path) -> int:
    return len(log.read_text("utf-8").splitlines())


# --- what somebody put there ----------------------------------------------------------------------


async def _forged(
    figures: Figures, folder: Path, rng: random.Random, flips: int, swaps: int
) -> None:
    """Each envelope opens in its own place alone, and with no bit changed."""
    scene = await Scene.on_disk(folder)
    await Machine(scene, rng, Figures()).run(40)
    async with _envelopes(scene.database) as (rows, places):
        taken = {"flipped": 0, "swapped": 0}
        for _ in range(flips):
            table, column, row, envelope = rng.choice(places)
            bit = rng.randrange(len(envelope) * 8)
            changed = bytearray(envelope)
            changed[bit // 8] ^= 1 << bit % 8
            taken["flipped"] += _opens(rows, table, column, row, bytes(changed))
        for _ in range(swaps):
            table, column, row, envelope = rng.choice(places)
            others = [p for p in places if p[:3] != (table, column, row)]
            there = rng.choice(others)
            taken["swapped"] += _opens(rows, *there[:3], envelope)
            # The same row's other column, and the same column's other row, are the ones that tempt.
            near = [p for p in others if p[0] is table and (p[1] == column or p[2] == row)]
            if near:
                taken["swapped"] += _opens(rows, *rng.choice(near)[:3], envelope)
        opened = sum(_opens(rows, *place) for place in places)
    await scene.database.close()
    figures.more |= {"envelopes": len(places), "flips": flips, "swaps": swaps}
    figures.lost += taken["flipped"] + taken["swapped"]
    figures.check(opened == len(places), f"{len(places) - opened} envelopes do not open at all")
    figures.check(not any(taken.values()), f"taken though it was changed: {taken}")


@asynccontextmanager
async def _envelopes(
    database: Database,
) -> AsyncIterator[tuple[Any, list[tuple[sa.Table, str, int, bytes]]]]:
    """What opens them, and where each stands."""
    async with database.transaction() as tx:
        places: list[tuple[sa.Table, str, int, bytes]] = []
        for table in tables():
            (key,) = table.primary_key.columns
            for column in (c for c in table.columns if isinstance(c.type, Sealed)):
                found = await tx.connection.execute(
                    sa.select(key, sa.type_coerce(column, sa.LargeBinary)).where(
                        column.is_not(None)
                    )
                )
                places += [(table, column.name, int(row), bytes(held)) for row, held in found]
        yield tx.rows, places


def _opens(rows: Any, table: sa.Table, column: str, row: int, envelope: bytes) -> bool:
    try:
        rows.opened(table, column, row, envelope)
    except Refused:
        return False
    return True


# --- a bot in its own process ---------------------------------------------------------------------


async def _in_its_own_process(figures: Figures, folder: Path, canaries: set[str]) -> None:
    """On Telegram's protocol, with a server that fails: what its process writes down."""
    stage = await TelegramStage.open(folder)
    try:
        words = await _tell_each_other(stage)
    finally:
        await stage.close()
    database, log = folder / "acuerpa.db", folder / "bot.log"
    found = [hit for hit in hits(folder, words) if hit[0] in _OURS]
    figures.check(database.exists() and log.stat().st_size > 0, "the process left nothing to look at")
    figures.more["process_hits"] = len(found)
    for file, word in found[:5]:
        figures.problems.append(f"{word} stands in {file} of the process")
    canaries |= words


async def _tell_each_other(stage: TelegramStage) -> set[str]:
    """An incident, with a server that fails meanwhile. Returns every word that names somebody."""
    world = World(stage)
    group = await world.group("Red-qzr901q")
    await group.coordinator.reads_all()
    words: set[str] = {"qzr901q", stage.api.token}
    people = []
    for number in range(3):
        name = f"Nadie qzn90{number + 2}q"
        words.add(name.split()[1])
        await group.coordinator.writes("/invitar red")
        secret = await group.coordinator.reads_secret()
        person = await world.person(f"{DUPLICATE}{number}")
        await person.joins(secret, name)
        people.append(person)
    words |= {f"{DUPLICATE}{number}" for number in range(3)}
    ids = [
        str(person.device.person.id)
        for person in (*people, group.coordinator)
        if isinstance(person.device, TelegramDevice)
    ]
    await stage.api.fault("500", method="sendmessage", times=3)
    await people[0].writes("auxilio")
    await world.forward(minutes=2)
    await people[1].presses("Yo me encargo")
    words.add(place := "qzs905q")
    await people[1].writes(f"/novedad Está en la casa {place}")
    await people[2].device.closes_the_chat()
    await people[1].presses("Cerrar")
    await people[1].presses("a salvo")
    return words | set(ids)


_OURS = frozenset({"acuerpa.db", "acuerpa.db-wal", "acuerpa.db-shm", "bot.log"})
"""The fake server's own log, and the configuration with the token, are not what the bot writes."""
