"""Where something is said."""

from __future__ import annotations

from enum import StrEnum


class ChatKind(StrEnum):
    """The kind of chat in which a message was written."""

    PRIVATE = "private"
    GROUP = "group"
    CHANNEL = "channel"
