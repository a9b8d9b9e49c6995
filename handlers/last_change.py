"""What somebody changed last, so that they can take it back (`handlers.undoing`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from handlers.context import Context
from storage.configuring import Kind as Begun

WITHIN = timedelta(minutes=10)
"""How long a change can be taken back by who made it."""


async def remember(ctx: Context, what: str, **content: Any) -> None:
    """The speaker's last change is this one from now on."""
    await ctx.tx.configuring.put(
        ctx.speaker.member.id, Begun.UNDO, ctx.now, what=what, **content
    )
