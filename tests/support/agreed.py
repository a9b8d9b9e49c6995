"""A plan that everyone in a group has agreed to, without the chat in which they would."""

from __future__ import annotations

from datetime import datetime

from bot.domain.plan import Plan
from storage.transaction import Transaction


async def agreed_by_all(tx: Transaction, group: int, plan: Plan, now: datetime) -> None:
    """The group's plan, in force for all who are in it."""
    await tx.people.set_plan(plan, group=group)
    for member in await tx.people.in_group(group):
        await tx.people.agree(member.id, plan, now)
