"""All checks, in the order in which they are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.checks import backups, database, machine, matrix, outside, settings, telegram
from bot.checks.findings import Finding, Level
from bot.checks.scene import Look, Scene


@dataclass(frozen=True, slots=True)
class Check:
    """`live`: asks a server. `patience`: seconds that it may take."""

    name: str
    look: Look
    live: bool = False
    patience: float = 120.0


CHECKS = (
    Check("settings", settings.look),
    Check("disk", machine.disk),
    Check("database", database.look, patience=600.0),  # the whole file is read
    Check("backup", backups.look),
    Check("proxies", outside.proxies, live=True),
    Check("telegram", telegram.look, live=True),
    Check("matrix", matrix.look, live=True, patience=300.0),
    Check("watch", outside.watch, live=True),
    Check("clock", machine.clock),
)


async def looked(
    scene: Scene, checks: tuple[Check, ...] = CHECKS
) -> AsyncIterator[tuple[str, Finding]]:
    """What they find, each with the name of its check, as soon as it is known. Raises nothing."""
    for check in checks:
        if check.live and scene.offline:
            continue
        found: list[Finding] = []
        try:
            async with asyncio.timeout(check.patience) as limit:
                async for finding in check.look(scene):
                    found.append(finding)
        except Exception as error:  # one that fails does not hide the others
            late = isinstance(error, TimeoutError) and limit.expired()
            why = f"took more than {check.patience:.0f} s" if late else type(error).__name__
            found.append(Finding(Level.UNKNOWN, check.name, f"could not be looked at ({why})"))
        for finding in found:
            yield check.name, finding
