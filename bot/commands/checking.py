"""`acuerpa check`: see `bot.checks`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bot.checks.findings import STATUS, Finding, Level, worst
from bot.checks.scene import Scene
from bot.checks.table import looked
from bot.commands.common import ConfigPath, source_of
from bot.commands.logs import no_traces, quiet_logs
from bot.config import ConfigError, load
from bot.engine.clock import SystemClock

SCHEMA = 1
"""Of the JSON: a larger number is one in which something that was there means something else."""

WORDS = {
    Level.OK: ("OK  ", "green"),
    Level.SKIPPED: ("--  ", "dim"),
    Level.WEAK: ("WEAK", "yellow"),
    Level.UNKNOWN: ("??  ", "magenta"),
    Level.FAILING: ("FAIL", "bold red"),
}


def check(
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object in place of lines.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no server.")] = False,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Try how much Matrix lets the bot write. For a quiet hour: it waits for it.",
        ),
    ] = False,
    config: ConfigPath = Path("config.toml"),
) -> None:
    """Look whether everything works: OK or a remedy for each. The bot may be running.

    Exit status: 0 all is well, 1 something is weak, 2 it fails, 3 something could not be looked at.
    """
    quiet_logs()
    no_traces()
    raise typer.Exit(asyncio.run(_check(config, as_json, offline, measure)))


async def _check(config: Path, as_json: bool, offline: bool, measure: bool) -> int:
    """The exit status."""
    console = Console(highlight=False)
    found: list[tuple[str, Finding]] = []
    async for name, finding in _findings(config, offline, measure):
        found.append((name, finding))
        if not as_json:
            word, style = WORDS[finding.level]
            line = Text.assemble(
                (word, style), " ", (finding.subject, "bold"), f": {finding.words}"
            )
            console.print(line, soft_wrap=True)
    level = worst(finding for _, finding in found)
    if as_json:
        json.dump(_as_json(found, level), sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    return STATUS[level]


async def _findings(
    config: Path, offline: bool, measure: bool
) -> AsyncIterator[tuple[str, Finding]]:
    try:
        settings = load(config)
    except ConfigError as error:
        subject, _, words = str(error).partition(": ")
        yield "settings", Finding(Level.FAILING, subject, words)
        return
    scene = Scene(
        config=settings,
        environment=os.environ,
        root=os.geteuid() == 0,
        now=SystemClock().now,
        keys=None if settings.keys.passphrase else source_of(settings),
        offline=offline,
        measure=measure,
    )
    async for one in looked(scene):
        yield one


def _as_json(found: list[tuple[str, Finding]], level: Level) -> dict[str, object]:
    """As docs/en/setting-up.md describes it."""
    return {
        "schema": SCHEMA,
        "version": version("acuerpa"),
        "at": SystemClock().now().astimezone(UTC).isoformat(timespec="seconds"),
        "status": level.value,
        "findings": [
            {"check": name, "subject": f.subject, "level": f.level.value, "words": f.words}
            for name, f in found
        ],
    }
