"""What each answer to a question and each step of a conversation asks for.

The other half of the table in `bot.domain.permissions`; the commands name their action in their
`Entry`. What is not in here cannot be offered (`Context.ask`) nor done (`Router`): a question about
something new begins with its line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.domain.permissions import Action

PRESSES: Mapping[str, Mapping[str, Action]] = MappingProxyType(
    {
        "checkin": {"ok": Action.ANSWER, "help": Action.ANSWER, "later": Action.ANSWER},
        "doubt": {"alarm": Action.PANIC, "manual": Action.MANUAL},
        "schedule": {"end": Action.SETTINGS},
        "incident": {
            "safe": Action.ANSWER,
            "not_safe": Action.ANSWER,
            "take": Action.RESPOND,
            "escalate": Action.RESPOND,
            "news": Action.RESPOND,
            "resolve": Action.RESPOND,
            "outcome": Action.RESPOND,
            "hand_over": Action.RESPOND,
            "hand_over_to": Action.RESPOND,
            "accept": Action.RESPOND,
            "decline": Action.RESPOND,
            "release": Action.RESPOND,
            "confirm": Action.RESPOND,
        },
        "panic": {"raise": Action.PANIC},
        "drill": {"take": Action.RESPOND, "escalate": Action.RESPOND, "here": Action.PRACTISE},
        "drills": {
            "whole": Action.DRILL,
            "step": Action.DRILL,
            "monthly": Action.DRILL,
            "never": Action.DRILL,
            "stop": Action.DRILL,
        },
        "contact": {"confirm": Action.CONTACT},
        "mass": {"case": Action.RESPOND, "more": Action.RESPOND},
        "joining": {"agree": Action.JOIN, "refuse": Action.JOIN},
        "invitations": {"revoke": Action.INVITE},
        "plan": {"save": Action.SET_PLAN, "drop": Action.SET_PLAN},
        "consent": {
            "agree": Action.OWN_PLAN, "keep": Action.OWN_PLAN, "withdraw": Action.OWN_PLAN,
        },
        "roles": {
            "change": Action.SET_ROLES, "ask": Action.SET_ROLES, "drop": Action.SET_ROLES,
        },
        "offer": {"accept": Action.OWN_ROLES, "decline": Action.OWN_ROLES},
        "own_roles": {"give_up": Action.OWN_ROLES},
        "decision": {"consent": Action.SECOND, "refuse": Action.SECOND},
        "request": {"withdraw": Action.OWN_ROLES},  # one's own, whatever became of one's roles
        "export": {"ask": Action.EXPORT, "drop": Action.EXPORT},
        "lost": {"alarm": Action.SUSPEND, "known": Action.SUSPEND},
        "log": {"more": Action.READ_LOG},
        "my_data": {"send": Action.OWN_DATA, "drop": Action.OWN_DATA},
        "denunciation": {
            "review": Action.WRITE,
            "rewrite": Action.WRITE,
            "discard": Action.WRITE,
            "no_files": Action.WRITE,
            "approve": Action.APPROVE,
            "return": Action.APPROVE,
        },
        "identity": {"confirm": Action.VOUCH, "doubt": Action.VOUCH},
        "comparison": {
            "begin": Action.VOUCH,
            "decline": Action.VOUCH,
            "same": Action.VOUCH,
            "different": Action.VOUCH,
        },
        "destination": {"add": Action.DESTINATIONS, "leave": Action.DESTINATIONS},
    }
)  # fmt: skip
"""Topic of a question → what an answer does → what that asks for."""

DIALOGS: Mapping[str, Mapping[str, Action]] = MappingProxyType(
    {
        "joining": {"agree": Action.JOIN, "name": Action.JOIN},
        "incident": {"news": Action.RESPOND},
        "duress": {"words": Action.DURESS, "again": Action.DURESS},
        "taking_back": {"words": Action.DURESS, "again": Action.DURESS},
        "roles": {"whom": Action.SET_ROLES},
        "denunciation": {"title": Action.WRITE, "text": Action.WRITE},
        "erase": {"word": Action.ERASE_ME},
    }
)
"""Topic of a conversation → its step → what the words written there ask for."""


def of_press(topic: str, does: str) -> Action | None:
    """What an answer asks for; None: nobody may."""
    return PRESSES.get(topic, {}).get(does)


def of_words(topic: str, step: str) -> Action | None:
    """What words at this step ask for; None: nobody may."""
    return DIALOGS.get(topic, {}).get(step)
