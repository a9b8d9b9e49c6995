"""`acuerpa status` and `acuerpa outbox`: how the bot stands, and what has not arrived. Without a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.backups.making import newest_in
from bot.commands.common import ConfigPath, go, source_of
from bot.config import Config, load
from bot.domain.lanes import Lane
from bot.engine.clock import SystemClock
from storage.census import Census, Shown, census, unsent
from storage.database import Database
from storage.inbox import NEW, SET_ASIDE
from storage.outbox import FAILED, UNKNOWN

JSON = Annotated[bool, typer.Option("--json", help="For programs.")]

HEARD = timedelta(seconds=90)
"""After how long without its heartbeat whoever acts is said to be silent."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an installation stands."""

    config: Config
    census: Census
    backup: datetime | None

    @property
    def acts(self) -> bool:
        """Whether a process acts, as far as its own signs in the database say."""
        heard = self.census.heartbeat
        return (
            self.census.until is not None and heard is not None and self.census.at - heard <= HEARD
        )

    @property
    def findings(self) -> list[str]:
        """What the newest audit found."""
        return list(self.census.shown.get("findings", []))

    @property
    def well(self) -> bool:
        """Whether nothing has to be done."""
        return self.acts and not self.findings

    def to_json(self) -> dict[str, Any]:
        """All of it, for programs. Instants in UTC, as ISO 8601."""
        c = self.census
        return {
            "version": version("acuerpa"),
            "acting": self.acts,
            "since": c.shown.get("since") if self.acts else None,
            "workers": c.workers,
            "heartbeat": _iso(c.heartbeat),
            "platforms": c.shown.get("platforms", {}) if self.acts else {},
            "audited": c.shown.get("at"),
            "findings": self.findings,
            "waiting": {lane.name.lower(): c.waiting(lane) for lane in Lane},
            "oldest_alarm_seconds": c.age(Lane.ALARM).total_seconds(),
            "failed": _ended(c, FAILED),
            "unknown": _ended(c, UNKNOWN),
            "events_waiting": c.events[NEW],
            "events_set_aside": c.events[SET_ASIDE],
            "timers_late": c.late,
            "next_timer": _iso(c.next_timer),
            "backup": _iso(self.backup),
            "canary": _iso(c.canary),
        }

    def lines(self) -> Iterator[str]:
        """One screen, for people."""
        c, told = self.census, self.to_json()
        kind = "PostgreSQL" if "://" in self.config.database.url else "SQLite"
        yield f"Acuerpa {told['version']} on {kind}"
        yield f"acts       {self._acting()}"
        for name, answers in told["platforms"].items():
            yield f"{name:<10} {'answers' if answers else 'DOES NOT ANSWER'}"
        audited = told["audited"]
        found = ", ".join(self.findings) or "nothing found"
        yield f"audit      {self._ago(audited and datetime.fromisoformat(audited))}: {found}"
        waiting = ", ".join(f"{lane} {count}" for lane, count in told["waiting"].items())
        yield f"waiting    {waiting}; oldest alarm {_span(c.age(Lane.ALARM))}"
        yield f"not sent   {told['failed']} failed, {told['unknown']} unknown (acuerpa outbox)"
        yield f"events     {c.events[NEW]} wait, {c.events[SET_ASIDE]} set aside (acuerpa aside)"
        due = f"{c.next_timer:%F %H:%M:%S} UTC" if c.next_timer is not None else "none"
        yield f"timers     next {due}, {c.late} late"
        yield f"backup     {self._ago(self.backup)}"
        yield f"practice   alarm arrived {self._ago(c.canary)}"

    def _acting(self) -> str:
        c = self.census
        if self.acts:
            since = datetime.fromisoformat(c.shown["since"]) if "since" in c.shown else None
            helped = f", helped by {c.workers}" if c.workers else ""
            return f"yes, since {since:%F %H:%M} UTC{helped}" if since else f"yes{helped}"
        if c.until is None:
            return "NO: it was stopped, or never started"
        return f"NO: not heard of since {self._ago(c.heartbeat)}"

    def _ago(self, at: datetime | None) -> str:
        return "never" if at is None else f"{_span(self.census.at - at)} ago"


def status(config: ConfigPath = Path("config.toml"), as_json: JSON = False) -> None:
    """Say how the bot stands; exit status 1 if it does not act, or an audit found something."""

    async def look() -> None:
        settings = load(config)
        database = Database(settings.database.url, source_of(settings))
        try:
            async with database.looking() as connection:
                counted = await census(connection, SystemClock().now())
        finally:
            await database.close()
        standing = Standing(settings, counted, _backup(settings))
        if as_json:
            typer.echo(json.dumps(standing.to_json(), indent=1))
        else:
            for line in standing.lines():
                typer.echo(line)
        if not standing.well:
            raise typer.Exit(1)

    go(look())


def outbox(
    config: ConfigPath = Path("config.toml"),
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 50,
    as_json: JSON = False,
) -> None:
    """List messages that wait, failed, or of which nobody knows: urgent lanes first. No content."""

    async def look() -> None:
        settings = load(config)
        database = Database(settings.database.url, source_of(settings))
        now = SystemClock().now()
        try:
            async with database.looking() as connection:
                counted = await census(connection, now)
                rows = await unsent(connection, limit)
        finally:
            await database.close()
        if as_json:
            typer.echo(json.dumps([_row(row) for row in rows], indent=1))
            return
        for m in counted.messages:
            typer.echo(
                f"{m.lane.name.lower():<12} {m.platform:<9} {m.state:<8} {m.count:>6}, "
                f"the oldest of {_span(now - m.oldest)} ago"
            )
        for row in rows:
            typer.echo(_line(row))
        if not rows:
            typer.echo("Everything has arrived.")

    go(look())


def _row(row: Shown) -> dict[str, Any]:
    return {
        "number": row.seq,
        "lane": row.lane.name.lower(),
        "platform": row.platform,
        "state": row.state,
        "operation": row.operation,
        "queued": _iso(row.created_at),
        "not_before": _iso(row.not_before),
        "attempts": row.attempts,
        "error": row.error,
    }


def _line(row: Shown) -> str:
    """`aside` and `replay` know it by the same number."""
    tried = f"tried {row.attempts}×" if row.attempts else "not tried"
    return (
        f"  message {row.seq} {row.lane.name.lower()} {row.platform} {row.operation} {row.state} "
        f"since {row.created_at:%F %T}Z, {tried} {row.error}"
    ).rstrip()


def _backup(config: Config) -> datetime | None:
    try:
        return newest_in(config.backup.folder)
    except OSError:
        return None


def _ended(counted: Census, state: str) -> int:
    return sum(m.count for m in counted.messages if m.state == state)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _span(span: timedelta) -> str:
    """Such as "4 min": the largest unit is enough."""
    seconds = max(0, int(span.total_seconds()))
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {word}"
    return f"{seconds} s"
