"""Who may do what, and where: one table, deny by default.

Checked when a thing is asked for and again when it is carried out, because a role may end between
the two. What each command, each answer to a question and each step of a conversation asks for is in
`handlers.rights`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType

from bot.domain.chat import ChatKind
from bot.domain.people import Role


class Standing(StrEnum):
    """What somebody is to the bot, whatever their roles."""

    STRANGER = "stranger"
    MEMBER = "member"
    OPERATOR = "operator"  # named in the configuration; may be a stranger or a member as well


Held = Role | Standing


class Action(StrEnum):
    """What a person may ask the bot for."""

    JOIN = "join"
    MANUAL = "manual"  # what can be written here
    MAKE_GROUP = "make_group"
    ANSWER = "answer"  # own check-ins
    PANIC = "panic"
    SETTINGS = "settings"  # own schedule, language, zone, accounts, subscription
    TRIP = "trip"  # own trips, single questions, what is said on the way
    COLLECTIVE = "collective"  # put people on a list for which one of them answers
    OWN_PLAN = "own_plan"  # see it, agree to it, withdraw
    OWN_ROLES = "own_roles"  # see them, accept one, give one up
    DURESS = "duress"  # one's own words
    OWN_DATA = "own_data"  # all that is kept about oneself
    ERASE_ME = "erase_me"
    NOTE = "note"  # what helpers must know, written by oneself
    CARE = "care"  # read the directory of care
    AFTERCARE = "aftercare"  # say how one is, days after
    FEEDBACK = "feedback"
    COMPLAIN = "complain"
    INVITE = "invite"
    SET_ROLES = "set_roles"
    SET_PLAN = "set_plan"
    PROPOSE = "propose"  # a schedule to somebody, who decides
    SET_RISK = "set_risk"
    SUSPEND = "suspend"  # an account that is in other hands, and give it back
    REHEARSE = "rehearse"  # somebody's words of duress, with them
    SET_DETAILS = "set_details"  # where alarms name people
    SECOND = "second"  # be the second person whose consent something needs
    READ_LOG = "read_log"
    EXPORT = "export"
    BOARD = "board"
    SUMMARY = "summary"
    SET_CARE = "set_care"  # keep the directory of care
    COMPLAINTS = "complaints"  # take and answer one that is not about oneself
    DRILL = "drill"  # run the plan for practice, and read what it found
    PRACTISE = "practise"  # show in a drill that one's button works
    CONTACT = "contact"  # confirm that one can be reached
    SET_CONTACTS = "set_contacts"  # how often, and see how it stands with everyone
    RESPOND = "respond"  # take, hand over, release, resolve, escalate
    WRITE = "write"  # a denunciation
    APPROVE = "approve"
    STOP = "stop"  # what leaves, and take back what was published
    SET_REVIEW = "set_review"  # how many approve, and who
    SET_REGIONS = "set_regions"
    OWN_REGION = "own_region"  # see it, agree to it, leave it
    SET_DUTY = "set_duty"  # make a rotation, give a day to somebody
    SEE_DUTY = "see_duty"  # one's own shifts, and that somebody is on duty
    ON_DUTY = "on_duty"  # take a rotation on, confirm, swap; see who has it
    ALLIANCE = "alliance"  # answer for another group, or not
    SET_ALLIANCES = "set_alliances"  # ask another group to answer for ours, agree to it, end it
    FOLLOW = "follow"  # alerts of other organisations, and decide what becomes of each
    DESTINATIONS = "destinations"  # where the organisation publishes
    VOUCH = "vouch"  # that somebody's account with other keys is still theirs
    BRING_BOT = "bring_bot"  # add the bot to a chat, to publish there


_EVERYWHERE = tuple(ChatKind)
_IN_PRIVATE = (ChatKind.PRIVATE,)
_IN_PUBLIC = (ChatKind.GROUP, ChatKind.CHANNEL)


def _rule(*who: Held, where: Collection[ChatKind] = _IN_PRIVATE) -> Mapping[ChatKind, frozenset[Held]]:
    return MappingProxyType({kind: frozenset(who) for kind in where})


ALLOWED: Mapping[Action, Mapping[ChatKind, frozenset[Held]]] = MappingProxyType(
    {
        Action.JOIN: _rule(Standing.STRANGER),
        Action.MANUAL: _rule(Standing.MEMBER),
        Action.MAKE_GROUP: _rule(Standing.OPERATOR),
        Action.ANSWER: _rule(Standing.MEMBER),
        Action.PANIC: _rule(Standing.MEMBER, where=_EVERYWHERE),
        Action.SETTINGS: _rule(Standing.MEMBER),
        Action.TRIP: _rule(Standing.MEMBER),
        Action.COLLECTIVE: _rule(Role.COORDINATOR),
        Action.OWN_PLAN: _rule(Standing.MEMBER),
        Action.OWN_ROLES: _rule(Standing.MEMBER),
        Action.DURESS: _rule(Standing.MEMBER),
        Action.OWN_DATA: _rule(Standing.MEMBER),
        Action.ERASE_ME: _rule(Standing.MEMBER),
        Action.NOTE: _rule(Standing.MEMBER),
        Action.CARE: _rule(Standing.MEMBER),
        Action.AFTERCARE: _rule(Standing.MEMBER),
        Action.FEEDBACK: _rule(Standing.MEMBER),
        Action.COMPLAIN: _rule(Standing.MEMBER),
        Action.INVITE: _rule(Role.COORDINATOR),
        Action.SET_ROLES: _rule(Role.COORDINATOR),
        Action.SET_PLAN: _rule(Role.COORDINATOR),
        Action.PROPOSE: _rule(Role.COORDINATOR),
        Action.SET_RISK: _rule(Role.COORDINATOR),
        Action.SUSPEND: _rule(Role.COORDINATOR),
        Action.REHEARSE: _rule(Role.COORDINATOR),
        Action.SET_DETAILS: _rule(Role.COORDINATOR),
        Action.SECOND: _rule(Role.COORDINATOR, Standing.OPERATOR),
        Action.READ_LOG: _rule(Role.COORDINATOR),
        Action.EXPORT: _rule(Role.COORDINATOR),
        Action.SET_REGIONS: _rule(Role.COORDINATOR),
        Action.OWN_REGION: _rule(Standing.MEMBER),
        Action.SET_DUTY: _rule(Role.COORDINATOR),
        Action.SEE_DUTY: _rule(Standing.MEMBER),
        Action.ON_DUTY: _rule(Role.RESPONDER, Role.COORDINATOR),
        Action.BOARD: _rule(Role.COORDINATOR),
        Action.SUMMARY: _rule(Role.COORDINATOR),
        Action.SET_CARE: _rule(Role.COORDINATOR),
        Action.COMPLAINTS: _rule(Role.COORDINATOR, Standing.OPERATOR),
        Action.DRILL: _rule(Role.COORDINATOR),
        Action.PRACTISE: _rule(Role.RESPONDER, Role.COORDINATOR, Role.OBSERVER),
        Action.CONTACT: _rule(Role.RESPONDER, Role.COORDINATOR),
        Action.SET_CONTACTS: _rule(Role.COORDINATOR),
        Action.RESPOND: _rule(Role.RESPONDER, Role.COORDINATOR),
        Action.ALLIANCE: _rule(Role.RESPONDER, Role.COORDINATOR),
        Action.SET_ALLIANCES: _rule(Role.COORDINATOR),
        Action.FOLLOW: _rule(Role.COORDINATOR),
        Action.WRITE: _rule(Role.AUTHOR),
        Action.APPROVE: _rule(Role.APPROVER),
        Action.STOP: _rule(Role.AUTHOR, Role.APPROVER),
        Action.SET_REVIEW: _rule(Role.COORDINATOR),
        Action.DESTINATIONS: _rule(Role.AUTHOR, Role.APPROVER),
        Action.BRING_BOT: _rule(Role.AUTHOR, Role.APPROVER, where=_IN_PUBLIC),
        Action.VOUCH: _rule(Role.COORDINATOR, Standing.OPERATOR),
    }
)
"""Action → kind of chat → who may. What is not in it, nobody may."""


def may(held: Collection[Held], action: Action, chat: ChatKind = ChatKind.PRIVATE) -> bool:
    """Whether somebody with these roles and standings may do this in a chat of this kind."""
    return not ALLOWED.get(action, {}).get(chat, frozenset()).isdisjoint(held)
