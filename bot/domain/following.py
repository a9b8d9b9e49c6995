"""Alerts of other organisations: how often their feeds are looked at, and how many are offered."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

EVERY = timedelta(hours=1)
"""Between two looks at a feed that answers."""

LONGEST = timedelta(hours=24)
"""Between two looks at one that does not."""

JITTER = 0.1
"""Which part of a wait is left to chance, so that feeds are not all asked at the same minute."""

TOLD_AFTER = 10
"""Looks in a row that failed before those who coordinate are told, once."""

OFFERS_A_DAY = 5
"""Alerts of one feed that are offered within `DAY`; the others are counted in one line."""

DAY = timedelta(hours=24)

DECIDE_WITHIN = timedelta(days=3)
"""How long an offer stays open: what nobody took up by then is no urgent news any more."""

MOST_FEEDS = 20
"""Feeds that one group follows."""

URL_LIMIT = 500
"""Characters of an address."""


class State(StrEnum):
    """Where an alert of somebody else stands."""

    KNOWN = "known"  # there before its feed was followed
    NEW = "new"  # seen, and above what is offered in a day
    OFFERED = "offered"
    FORWARDED = "forwarded"  # somebody made a draft of it
    DISMISSED = "dismissed"  # by somebody, or by the end of its time


def wait(failures: int, chance: float) -> timedelta:
    """How long until the next look, after so many failures in a row; `chance` is from 0 to 1.

    It doubles with each failure, up to `LONGEST`.
    """
    plain: timedelta = min(EVERY * 2 ** min(failures, 10), LONGEST)
    return plain * (1 - JITTER / 2 + JITTER * chance)


def next_look(failures: int, now: datetime, chance: float) -> datetime:
    """The instant of it."""
    return now + wait(failures, chance)
