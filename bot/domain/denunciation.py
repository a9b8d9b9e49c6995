"""A denunciation: written by one person, approved by another, published as it was approved."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

TITLE_LIMIT = 200
TEXT_LIMIT = 20_000
"""Characters; longer statements belong on a page that the text links to."""
FILES_LIMIT = 4
"""Images and documents of one denunciation."""
ALTERNATIVE_LIMIT = 500
"""Characters of the words that stand for a file."""


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
    FILES = "files"  # one that was sent is still being cleaned


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
class Denunciation:
    """The facts of one denunciation. `approved_hash` is of what the second person saw."""

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

    @property
    def fingerprint(self) -> str:
        """SHA-256 over title, text and files in their order; what an approval is bound to."""
        words = hashlib.sha256(f"{self.title}\0{self.text}".encode()).hexdigest()
        if not self.files:
            return words
        shown = [[f.name, f.mime, f.digest, f.alternative] for f in self.files]
        return hashlib.sha256(json.dumps([words, shown]).encode()).hexdigest()

    @property
    def publishable(self) -> bool:
        """Whether these very words and files were approved by somebody other than their author."""
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
