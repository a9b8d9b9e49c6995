"""Who may do what, and where: one table, deny by default.

Checked when a thing is asked for and again when it is carried out, because a role may end between
the two.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType

from bot.domain.people import Role


class Action(StrEnum):
    """What a person may ask the bot for."""

    ANSWER = "answer"  # own check-ins
    PANIC = "panic"
    SETTINGS = "settings"  # own schedule, language, zone, accounts
    INVITE = "invite"
    SET_PLAN = "set_plan"
    RESPOND = "respond"  # take, hand over, release, resolve, escalate
    WRITE = "write"  # a denunciation
    APPROVE = "approve"
    DESTINATIONS = "destinations"  # where the organisation publishes
    VOUCH = "vouch"  # that somebody's account with other keys is still theirs


MEMBER = frozenset(Role) | {None}
"""Every member, whatever their roles; None stands for a member with no role."""

ALLOWED: Mapping[Action, frozenset[Role | None]] = MappingProxyType(
    {
        Action.ANSWER: MEMBER,
        Action.PANIC: MEMBER,
        Action.SETTINGS: MEMBER,
        Action.INVITE: frozenset({Role.COORDINATOR}),
        Action.SET_PLAN: frozenset({Role.COORDINATOR}),
        Action.RESPOND: frozenset({Role.RESPONDER, Role.COORDINATOR}),
        Action.WRITE: frozenset({Role.AUTHOR}),
        Action.APPROVE: frozenset({Role.APPROVER}),
        Action.DESTINATIONS: frozenset({Role.AUTHOR, Role.APPROVER}),
        Action.VOUCH: frozenset({Role.COORDINATOR}),
    }
)


def may(roles: Collection[Role], action: Action) -> bool:
    """Whether a member with these roles may do this, in a private chat with the bot."""
    held: frozenset[Role | None] = frozenset(roles) | {None}
    return bool(held & ALLOWED.get(action, frozenset()))
