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
        "checkin": {
            "ok": Action.ANSWER,
            "help": Action.ANSWER,
            "later": Action.ANSWER,
            "extend": Action.ANSWER,
            "missing": Action.ANSWER,
            "missing_other": Action.ANSWER,
        },
        "trip": {
            "arrived": Action.TRIP,
            "extend": Action.TRIP,
            "extend_by": Action.TRIP,
            "help": Action.ANSWER,
            "end": Action.TRIP,
        },
        "once": {"drop": Action.TRIP},
        "reading": {"choose": Action.TRIP},
        "collective": {
            "answer": Action.ANSWER,
            "refuse": Action.ANSWER,
            "agree": Action.ANSWER,
            "stay_out": Action.ANSWER,
            "end": Action.ANSWER,
        },
        "doubt": {"alarm": Action.PANIC, "manual": Action.MANUAL},
        "schedule": {"end": Action.SETTINGS},
        "incident": {
            "safe": Action.ANSWER,
            "not_safe": Action.ANSWER,
            "take": Action.RESPOND,
            "escalate": Action.RESPOND,
            "escalate_to": Action.RESPOND,
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
        "plan_edit": {
            "menu": Action.SET_PLAN,
            "step": Action.SET_PLAN,
            "gone": Action.SET_PLAN,
            "part": Action.SET_PLAN,
            "preset": Action.SET_PLAN,
            "advice": Action.SET_PLAN,
            "use": Action.SET_PLAN,
        },
        "proposal": {"accept": Action.SETTINGS, "decline": Action.SETTINGS},
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
        "region": {
            "one": Action.SET_REGIONS,
            "make": Action.SET_REGIONS,
            "who": Action.SET_REGIONS,
            "zone": Action.SET_REGIONS,
            "end": Action.SET_REGIONS,
            "end_it": Action.SET_REGIONS,
            "save": Action.SET_REGIONS,
            "drop": Action.SET_REGIONS,
        },
        "own_region": {
            "agree": Action.OWN_REGION,
            "refuse": Action.OWN_REGION,
            "leave": Action.OWN_REGION,
        },
        "rotation": {
            "scope": Action.SET_DUTY,
            "remake": Action.SET_DUTY,
            "often": Action.SET_DUTY,
            "end": Action.SET_DUTY,
            "end_it": Action.SET_DUTY,
            "save": Action.SET_DUTY,
            "drop": Action.SET_DUTY,
        },
        "rotation_offer": {"accept": Action.ON_DUTY, "decline": Action.ON_DUTY},
        "duty": {"confirm": Action.ON_DUTY, "cannot": Action.ON_DUTY},
        "shifts": {
            "swap": Action.ON_DUTY,
            "give": Action.ON_DUTY,
            "take": Action.ON_DUTY,
            "propose": Action.ON_DUTY,
            "calendar": Action.SEE_DUTY,
            "quit": Action.SEE_DUTY,
            "quit_it": Action.SEE_DUTY,
            "cover": Action.SET_DUTY,
            "calendar_all": Action.SET_DUTY,
            "drop": Action.SEE_DUTY,
        },
        "swap": {"agree": Action.ON_DUTY, "disagree": Action.ON_DUTY},
        "cover": {
            "save": Action.SET_DUTY,
            "drop": Action.SET_DUTY,
            "undo": Action.SET_DUTY,
            "refuse": Action.ON_DUTY,
        },
        "alliance": {
            "accept": Action.SET_ALLIANCES,
            "refuse": Action.SET_ALLIANCES,
            "answer": Action.ALLIANCE,
            "stay_out": Action.ALLIANCE,
            "end": Action.SET_ALLIANCES,
            "end_it": Action.SET_ALLIANCES,
        },
        "my_data": {"send": Action.OWN_DATA, "drop": Action.OWN_DATA},
        "denunciation": {
            "review": Action.WRITE,
            "rewrite": Action.WRITE,
            "discard": Action.WRITE,
            "no_files": Action.WRITE,
            "settings": Action.WRITE,
            "approve": Action.APPROVE,
            "return": Action.APPROVE,
            "agree_later": Action.APPROVE,
            "stop": Action.STOP,
            "retry": Action.STOP,
            "withdraw": Action.STOP,
            "withdraw_now": Action.STOP,
            "keep": Action.STOP,
        },
        "draft": {
            "guide": Action.WRITE,
            "kind": Action.WRITE,
            "set_kind": Action.WRITE,
            "when": Action.WRITE,
            "until": Action.WRITE,
            "language": Action.WRITE,
            "topics": Action.WRITE,
            "topic": Action.WRITE,
            "region": Action.WRITE,
            "set_region": Action.WRITE,
            "part": Action.WRITE,
            "one_part": Action.WRITE,
            "names": Action.WRITE,
            "elsewhere": Action.WRITE,
            "back": Action.WRITE,
        },
        "named": {"yes": Action.WRITE, "no": Action.WRITE, "nobody": Action.WRITE},
        "subscription": {
            "stop": Action.SETTINGS,
            "daily": Action.SETTINGS,
            "now": Action.SETTINGS,
            "topics": Action.SETTINGS,
            "topic": Action.SETTINGS,
            "regions": Action.SETTINGS,
            "region": Action.SETTINGS,
            "languages": Action.SETTINGS,
            "language": Action.SETTINGS,
            "show": Action.SETTINGS,
        },
        "topics": {"end": Action.DESTINATIONS},
        "identity": {"confirm": Action.VOUCH, "doubt": Action.VOUCH},
        "comparison": {
            "begin": Action.VOUCH,
            "decline": Action.VOUCH,
            "same": Action.VOUCH,
            "different": Action.VOUCH,
        },
        "aftercare": {
            "agree": Action.AFTERCARE,
            "refuse": Action.AFTERCARE,
            "well": Action.AFTERCARE,
            "talk": Action.AFTERCARE,
            "stop": Action.AFTERCARE,
            "holder": Action.AFTERCARE,
            "coordination": Action.AFTERCARE,
        },
        "feedback": {
            "score": Action.FEEDBACK, "sign": Action.FEEDBACK, "enough": Action.FEEDBACK,
        },
        "note": {
            "write": Action.NOTE,
            "show": Action.NOTE,
            "erase": Action.NOTE,
            "open": Action.RESPOND,
        },
        "care": {
            "kind": Action.SET_CARE,
            "save": Action.SET_CARE,
            "drop": Action.SET_CARE,
            "true": Action.SET_CARE,
            "change": Action.SET_CARE,
            "remove": Action.SET_CARE,
        },
        "complaint": {
            "kind": Action.COMPLAIN,
            "send": Action.COMPLAIN,
            "sign": Action.COMPLAIN,
            "drop": Action.COMPLAIN,
            "settle": Action.COMPLAIN,
            "not_settled": Action.COMPLAIN,
        },
        "complaint_case": {"take": Action.COMPLAINTS, "answer": Action.COMPLAINTS},
        "destination": {
            "add": Action.DESTINATIONS,
            "leave": Action.DESTINATIONS,
            "languages": Action.DESTINATIONS,
            "language": Action.DESTINATIONS,
        },
        "feed": {"stop": Action.FOLLOW},
        "followed": {"prepare": Action.FOLLOW, "dismiss": Action.FOLLOW},
    }
)  # fmt: skip
"""Topic of a question → what an answer does → what that asks for."""

DIALOGS: Mapping[str, Mapping[str, Action]] = MappingProxyType(
    {
        "joining": {"agree": Action.JOIN, "name": Action.JOIN},
        "trip": {"line": Action.TRIP, "end": Action.TRIP},
        "reading": {"which": Action.TRIP},
        "collective": {"who": Action.ANSWER},
        "incident": {"news": Action.RESPOND},
        "duress": {"words": Action.DURESS, "again": Action.DURESS},
        "taking_back": {"words": Action.DURESS, "again": Action.DURESS},
        "roles": {"whom": Action.SET_ROLES},
        "plan_edit": {"words": Action.SET_PLAN},
        "denunciation": {
            "title": Action.WRITE,
            "text": Action.WRITE,
            "part": Action.WRITE,
            "one_part": Action.WRITE,
            "when": Action.WRITE,
            "until": Action.WRITE,
            "language": Action.WRITE,
            "names": Action.WRITE,
            "reason": Action.STOP,
        },
        "region": {
            "name": Action.SET_REGIONS,
            "sure": Action.SET_REGIONS,
            "who": Action.SET_REGIONS,
            "zone": Action.SET_REGIONS,
        },
        "rotation": {
            "scope": Action.SET_DUTY,
            "often": Action.SET_DUTY,
            "when": Action.SET_DUTY,
            "who": Action.SET_DUTY,
            "sure": Action.SET_DUTY,
        },
        "cover": {"when": Action.SET_DUTY, "sure": Action.SET_DUTY},
        "erase": {"word": Action.ERASE_ME},
        "aftercare": {"whom": Action.AFTERCARE},
        "feedback": {"words": Action.FEEDBACK},
        "note": {"write": Action.NOTE, "reason": Action.RESPOND},
        "care": {
            "region": Action.SET_CARE,
            "name": Action.SET_CARE,
            "text": Action.SET_CARE,
        },
        "complaint": {"about": Action.COMPLAIN, "text": Action.COMPLAIN},
        "complaint_case": {"answer": Action.COMPLAINTS},
    }
)
"""Topic of a conversation → its step → what the words written there ask for."""


def of_press(topic: str, does: str) -> Action | None:
    """What an answer asks for; None: nobody may."""
    return PRESSES.get(topic, {}).get(does)


def of_words(topic: str, step: str) -> Action | None:
    """What words at this step ask for; None: nobody may."""
    return DIALOGS.get(topic, {}).get(step)
