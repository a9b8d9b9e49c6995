"""When a message that must arrive counts as not arriving, so that somebody else is told meanwhile.

It goes on being tried: this only decides how long a plan waits for it.
"""

from __future__ import annotations

from datetime import timedelta

from bot.domain.lanes import Lane

MUST_ARRIVE = frozenset({Lane.ALARM, Lane.CHECKIN})
"""The lanes whose messages are waited for by something: a plan, or a deadline."""

TRIES = 4
"""Failed attempts from which on nobody waits: some seven seconds of refusals."""

SLOW_TRIES = 2
PATIENCE = timedelta(seconds=30)
"""So many failed attempts suffice once it is this old: a server that never answers is slow to try."""

LONG_WAIT = timedelta(seconds=30)
"""Nobody waits either for one that may be tried again only after this long."""


def hopeful(*, attempts: int, age: timedelta, wait: timedelta) -> bool:
    """Whether a message that has not arrived is likely to do so soon.

    `attempts` were made since `age`, and the next may be made in `wait`. Age alone says nothing: a
    message may only be waiting for its turn.
    """
    if wait >= LONG_WAIT or attempts >= TRIES:
        return False
    return attempts < SLOW_TRIES or age < PATIENCE
