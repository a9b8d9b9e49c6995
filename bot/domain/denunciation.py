"""A denunciation: written by one person, approved by others, published as it was approved."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

TITLE_LIMIT = 200
TEXT_LIMIT = 20_000
"""Characters; longer statements belong on a page that the text links to."""
FILES_LIMIT = 4
"""Images and documents of one denunciation."""
REASON_LIMIT = 500
"""Characters of the reason for which one is withdrawn."""
ALTERNATIVE_LIMIT = 500
"""Characters of the words that stand for a file."""


LANGUAGES_LIMIT = 6
"""Languages of one denunciation."""


class Kind(StrEnum):
    """What a denunciation is; each has a template of its own."""

    COMPLAINT = "complaint"
    URGENT = "urgent"
    PRESS = "press"
    FOLLOW_UP = "follow_up"


class State(StrEnum):
    """Where a denunciation stands."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"  # it waits for its time, or is leaving
    SENT = "sent"
    STOPPED = "stopped"  # by somebody, before all of it had left
    WITHDRAWN = "withdrawn"  # after it was published, with a reason
    DISCARDED = "discarded"


class Refusal(StrEnum):
    """Why an act is not done; keys of the catalogues below `denunciation.refused`."""

    AUTHOR = "author"  # nobody approves their own words
    CHANGED = "changed"  # the text is not the one that was shown
    STATE = "state"  # it is not at that point any more
    EMPTY = "empty"
    TOO_LONG = "too_long"
    FILES = "files"  # one that was sent is still being cleaned
    AGAIN = "again"  # the same person has agreed already
    NAMED = "named"  # it names somebody who did not agree to that
    PAST = "past"  # the time at which it was to leave, or until which it asks to act, is over
    NO_DATE = "no_date"  # an urgent action that does not say until when
    NOT_ASKED = "not_asked"  # the group named others to review


@dataclass(frozen=True, slots=True)
class File:
    """A clean image or document that is published with the words; its bytes are kept elsewhere.

    `digest` is the SHA-256 of the bytes, in hexadecimal digits. `alternative` are words for whoever
    does not see it, "" for none.
    """

    id: int
    name: str
    mime: str
    digest: str
    alternative: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """Its words in one language (an ISO 639 code). `text` is plain; an empty line parts paragraphs."""

    language: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's consent to what has this fingerprint. `later`: given after it had left."""

    member: int
    fingerprint: str
    later: bool = False


@dataclass(frozen=True, slots=True)
class Denunciation:
    """The facts of one denunciation. `approved_hash` is of what those who agreed saw.

    `language` is that of `title` and `text`, "" for the group's; `others` are the same words in other
    languages. `topics` and `region` are numbers of the group's. `act_by` is until when an urgent
    action asks its readers to act, `publish_at` when it is to leave if not at once. `corrects` and
    `follows` are numbers of rows: of what it puts right, and of what it continues. `needed` is how
    many others must agree; `approvals` are those who did. `code` is its public address, the short
    fingerprint of what left first unless another one has it, and `seal` that of what stands there now.
    """

    id: int
    number: int
    group: int
    author: int
    title: str
    text: str
    state: State = State.DRAFT
    approver: int | None = None
    approved_hash: str = ""
    sent_at: datetime | None = None
    files: tuple[File, ...] = ()
    kind: Kind = Kind.COMPLAINT
    language: str = ""
    others: tuple[Version, ...] = ()
    topics: tuple[int, ...] = ()
    region: int | None = None
    act_by: datetime | None = None
    publish_at: datetime | None = None
    corrects: int | None = None
    follows: int | None = None
    needed: int = 1
    approvals: tuple[Approval, ...] = ()
    code: str = ""
    seal: str = ""
    corrected_at: datetime | None = None
    closed_at: datetime | None = None
    withdrawn_at: datetime | None = None
    reason: str = ""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all that is published: words in their languages, files in their order, what it
        is, and when and to whom it goes. It is what an approval is bound to."""
        found = hashlib.sha256(f"{self.title}\0{self.text}".encode()).hexdigest()
        if self.files:
            shown = [[f.name, f.mime, f.digest, f.alternative] for f in self.files]
            found = hashlib.sha256(json.dumps([found, shown]).encode()).hexdigest()
        if more := self._more():
            found = hashlib.sha256(json.dumps([found, more]).encode()).hexdigest()
        return found

    def _more(self) -> dict[str, Any]:
        """What is not as it is for a plain complaint that leaves at once."""
        every = {
            "kind": self.kind if self.kind is not Kind.COMPLAINT else "",
            "language": self.language,
            "others": [[v.language, v.title, v.text] for v in self.others],
            "topics": list(self.topics),
            "region": self.region,
            "act_by": self.act_by.isoformat() if self.act_by else "",
            "publish_at": self.publish_at.isoformat() if self.publish_at else "",
            "corrects": self.corrects,
            "follows": self.follows,
        }
        return {name: value for name, value in every.items() if value}

    @property
    def agreed(self) -> frozenset[int]:
        """Those other than its author who agreed to it as it is now."""
        now = self.fingerprint
        return frozenset(
            a.member for a in self.approvals if a.fingerprint == now and a.member != self.author
        )

    @property
    def publishable(self) -> bool:
        """Whether this very text was approved by as many others as it takes, one at the least."""
        return (
            self.state is State.APPROVED
            and self.approver not in (None, self.author)
            and self.approved_hash == self.fingerprint
            and len(self.agreed | {self.approver}) >= max(1, self.needed)
        )

    @property
    def is_public(self) -> bool:
        """Whether it was published as something of its own: a correction belongs to what it corrects."""
        return self.state in (State.SENT, State.WITHDRAWN) and self.corrects is None

    def versions(self, language: str) -> tuple[Version, ...]:
        """Its words in all its languages, the one in which it was written first; `language` is the
        group's."""
        return (Version(self.language or language, self.title, self.text), *self.others)


def written(draft: Denunciation, title: str, text: str) -> Denunciation | Refusal:
    """New words. Any approval is void."""
    if draft.state not in (State.DRAFT, State.IN_REVIEW):
        return Refusal.STATE
    if not title.strip() or not text.strip():
        return Refusal.EMPTY
    if len(title) > TITLE_LIMIT or len(text) > TEXT_LIMIT:
        return Refusal.TOO_LONG
    return replace(
        draft,
        title=title.strip(),
        text=text.strip(),
        **_AS_NEW,
    )


_AS_NEW: dict[str, Any] = {
    "state": State.DRAFT, "approver": None, "approved_hash": "", "approvals": (),
}  # fmt: skip
"""A draft to which nobody has agreed."""


def changed(draft: Denunciation, **values: Any) -> Denunciation | Refusal:
    """Something else about it is otherwise. Any approval is void."""
    if draft.state not in (State.DRAFT, State.IN_REVIEW):
        return Refusal.STATE
    return replace(draft, **values, **_AS_NEW)


def translated(draft: Denunciation, version: Version) -> Denunciation | Refusal:
    """The same words in one more language, or other ones in a language that it has."""
    if not version.title.strip() or not version.text.strip():
        return Refusal.EMPTY
    if len(version.title) > TITLE_LIMIT or len(version.text) > TEXT_LIMIT:
        return Refusal.TOO_LONG
    rest = tuple(v for v in draft.others if v.language != version.language)
    if len(rest) + 2 > LANGUAGES_LIMIT:
        return Refusal.TOO_LONG
    return changed(draft, others=(*rest, version))


def to_review(draft: Denunciation, needed: int, now: datetime) -> Denunciation | Refusal:
    """Show it to those who may approve; `needed` of them must."""
    if draft.state is not State.DRAFT:
        return Refusal.STATE
    if not draft.title or not draft.text:
        return Refusal.EMPTY
    if draft.kind is Kind.URGENT and draft.act_by is None:
        return Refusal.NO_DATE
    if is_late(draft, now):
        return Refusal.PAST
    return replace(draft, state=State.IN_REVIEW, needed=needed, approvals=())


def is_late(draft: Denunciation, now: datetime) -> bool:
    """Whether it was to leave, or asks to act until, a time that is over. What was asked for until
    then can be put right afterwards too."""
    ends = (draft.publish_at, draft.act_by if draft.corrects is None else None)
    over = any(end is not None and end <= now for end in ends)
    both = draft.publish_at is not None and draft.act_by is not None
    return over or (both and draft.act_by <= draft.publish_at)  # type: ignore[operator]


def approved(draft: Denunciation, by: int, shown: str) -> Denunciation | Refusal:
    """Another person's consent to what has the fingerprint `shown`; enough of them let it leave."""
    if draft.state is not State.IN_REVIEW:
        return Refusal.STATE
    if by == draft.author:
        return Refusal.AUTHOR
    if shown != draft.fingerprint:
        return Refusal.CHANGED
    if by in draft.agreed:
        return Refusal.AGAIN
    agreed = replace(draft, approvals=(*draft.approvals, Approval(by, shown)))
    if len(agreed.agreed) < agreed.needed:
        return agreed
    return replace(agreed, state=State.APPROVED, approver=by, approved_hash=shown)


def agreed_later(draft: Denunciation, by: int) -> Denunciation | Refusal:
    """Consent of one of those who had not been asked before it left, to what left."""
    if draft.state not in (State.APPROVED, State.SENT):
        return Refusal.STATE
    if by == draft.author:
        return Refusal.AUTHOR
    if by in {approval.member for approval in draft.approvals}:
        return Refusal.AGAIN
    approval = Approval(by, draft.approved_hash, later=True)
    return replace(draft, approvals=(*draft.approvals, approval))


def returned(draft: Denunciation) -> Denunciation | Refusal:
    """Back to the author."""
    if draft.state is not State.IN_REVIEW:
        return Refusal.STATE
    return replace(draft, **_AS_NEW)


def discarded(draft: Denunciation) -> Denunciation | Refusal:
    """Thrown away before it was approved."""
    if draft.state not in (State.DRAFT, State.IN_REVIEW):
        return Refusal.STATE
    return replace(draft, state=State.DISCARDED, title="", text="", others=())


def sent(draft: Denunciation, now: datetime) -> Denunciation:
    """All its messages have left."""
    return replace(draft, state=State.SENT, sent_at=draft.sent_at or now)


def stopped(draft: Denunciation) -> Denunciation | Refusal:
    """What has not left does not leave any more."""
    if draft.state is not State.APPROVED:
        return Refusal.STATE
    return replace(draft, state=State.STOPPED)


def withdrawn(draft: Denunciation, reason: str, now: datetime) -> Denunciation | Refusal:
    """Taken back in public; the reason is public too."""
    if draft.state not in (State.SENT, State.STOPPED) or draft.corrects is not None or not draft.code:
        return Refusal.STATE
    if not reason.strip():
        return Refusal.EMPTY
    if len(reason) > REASON_LIMIT:
        return Refusal.TOO_LONG
    return replace(draft, state=State.WITHDRAWN, withdrawn_at=now, reason=reason.strip())


def closed(draft: Denunciation, now: datetime) -> Denunciation | Refusal:
    """The date until which an urgent action asks to act is over."""
    if draft.state is not State.SENT or draft.act_by is None or draft.closed_at is not None:
        return Refusal.STATE
    return replace(draft, closed_at=now)


def corrected(draft: Denunciation, by: Denunciation, now: datetime) -> Denunciation | Refusal:
    """All that a correction says, to which two people agreed, takes the place of its own."""
    if draft.state is not State.SENT or not by.publishable or by.corrects != draft.id:
        return Refusal.STATE
    open_again = by.act_by is not None and by.act_by > now
    return replace(
        draft, title=by.title, text=by.text, language=by.language, others=by.others,
        kind=by.kind, topics=by.topics, region=by.region, act_by=by.act_by, corrected_at=now,
        closed_at=None if open_again else draft.closed_at,
    )  # fmt: skip
