"""One request to a server, for checks: whether it answers, and what time it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from bot.proxies import Proxy, connector

PATIENCE = 20.0
"""Seconds; three times as long through a proxy."""


class Unreached(Exception):
    """There was no answer. Its words name no address."""


@dataclass(frozen=True, slots=True)
class Answered:
    """HTTP status, and how many seconds the server's clock is ahead of ours; None if it does not say."""

    status: int
    ahead: float | None


async def ask(url: str, proxy: Proxy | None, now: Callable[[], datetime]) -> Answered:
    """GET, without a word about who asks. Raises `Unreached`."""
    total = PATIENCE if proxy is None else 3 * PATIENCE
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector(proxy), timeout=aiohttp.ClientTimeout(total=total)
            ) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            return Answered(answer.status, _ahead(answer.headers.get("Date", ""), now()))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Unreached(type(error).__name__) from None


def _ahead(date: str, now: datetime) -> float | None:
    """Source: RFC 9110, section 6.6.1; it has whole seconds."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    return (theirs.astimezone(UTC) - now).total_seconds()
