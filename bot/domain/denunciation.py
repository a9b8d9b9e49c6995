"""A denunciation: written by one person, approved by another, published as it was approved."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

TITLE_LIMIT = 200
TEXT_LIMIT = 20_000
"""Characters; longer statements belong on a page that the text links to."""


class State(StrEnum):
    """Where a denunciation stands."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SENT = "sent"
    DISCARDED = "discarded"


class Refusal(StrEnum):
    """Why an act is not done; keys of the catalogues below `denunciation.refused`."""

    AUTHOR = "author"  # nobody approves their own words
    CHANGED = "changed"  # the text is not the one that was shown
    STATE = "state"  # it is not at that point any more
    EMPTY = "empty"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Denunciation:
    """The facts of one denunciation. `approved_hash` is of the text that the second person saw."""

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

    @property
    def fingerprint(self) -> str:
        """SHA-256 over title and text; what an approval is bound to."""
        return hashlib.sha256(f"{self.title}\0{self.text}".encode()).hexdigest()

    @property
    def publishable(self) -> bool:
        """Whether these very words were approved by somebody other than their author."""
        return (
            self.state is State.APPROVED
            and self.approver not in (None, self.author)
            and self.approved_hash == self.fingerprint
        )


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
        state=State.DRAFT,
        approver=None,
        approved_hash="",
    )


def to_review(draft: Denunciation) -> Denunciation | Refusal:
    """Show it to those who may approve."""
    if draft.state is not State.DRAFT:
        return Refusal.STATE
    if not draft.title or not draft.text:
        return Refusal.EMPTY
    return replace(draft, state=State.IN_REVIEW)


def approved(draft: Denunciation, by: int, shown: str) -> Denunciation | Refusal:
    """A second person's consent to the words whose fingerprint is `shown`."""
    if draft.state is not State.IN_REVIEW:
        return Refusal.STATE
    if by == draft.author:
        return Refusal.AUTHOR
    if shown != draft.fingerprint:
        return Refusal.CHANGED
    return replace(draft, state=State.APPROVED, approver=by, approved_hash=shown)


def returned(draft: Denunciation) -> Denunciation | Refusal:
    """Back to the author."""
    if draft.state is not State.IN_REVIEW:
        return Refusal.STATE
    return replace(draft, state=State.DRAFT)


def discarded(draft: Denunciation) -> Denunciation | Refusal:
    """Thrown away before it was approved."""
    if draft.state not in (State.DRAFT, State.IN_REVIEW):
        return Refusal.STATE
    return replace(draft, state=State.DISCARDED, title="", text="")


def sent(draft: Denunciation, now: datetime) -> Denunciation:
    """All its messages have left."""
    return replace(draft, state=State.SENT, sent_at=now)
