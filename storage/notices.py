"""PostgreSQL's LISTEN and NOTIFY: waking another process at once. Nothing depends on a notice: whoever
would have heard it looks by itself a moment later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

CHANNEL = "acuerpa"

QUEUED, WANTED, ANSWERED = "queued", "wanted", "answered"
"""There is something to send; somebody asks to catch up; that was done. No notice says more."""

PULSE = 30.0
"""Seconds between two looks whether the connection is still there."""

_NOTIFY = sa.select(sa.func.pg_notify(CHANNEL, sa.bindparam("what", type_=sa.Text)))


async def notify(connection: AsyncConnection, what: str) -> None:
    """Every other process hears it once this transaction has committed."""
    await connection.execute(_NOTIFY, {"what": what})


async def listening(engine: AsyncEngine, hear: Callable[[str], None]) -> None:
    """Hear notices until the connection is lost; raises what the driver raises then."""

    def heard(_connection: Any, _process: int, _channel: str, what: str) -> None:
        hear(what)

    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.add_listener(CHANNEL, heard)
        try:
            while True:
                await asyncio.sleep(PULSE)
                await connection.execute(sa.select(1))
        finally:
            if not driver.is_closed():
                await driver.remove_listener(CHANNEL, heard)
