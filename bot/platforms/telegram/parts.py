"""One `Outgoing` as the messages that Telegram makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.domain.rich import Rich
from bot.platforms.base import Attachment, Button, Outgoing
from bot.platforms.telegram.entities import CAPTION_LIMIT, split, units

_PHOTO_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
_PHOTO_LIMIT = 10 * 1024 * 1024
"""Bytes (https://core.telegram.org/bots/api#sendphoto); larger pictures go as files."""

_NOTHING = Rich()


@dataclass(frozen=True, slots=True)
class Part:
    """One message. `named` is that of which the receipt tells, which an edit would change; `first`
    is the one that answers to what the whole answers to."""

    text: Rich = _NOTHING
    buttons: tuple[tuple[Button, ...], ...] = ()
    attachment: Attachment | None = None
    named: bool = False
    first: bool = False

    @property
    def as_photo(self) -> bool:
        """Whether people should see the picture without opening a file."""
        return (
            self.attachment is not None
            and self.attachment.mime in _PHOTO_TYPES
            and len(self.attachment.content) <= _PHOTO_LIMIT
        )


def parts_of(message: Outgoing) -> list[Part]:
    """The messages to send, in order.

    The text is the caption of the first file if it fits and bears no buttons: only the text of a
    message of its own can be edited. Otherwise it goes first, its buttons below its last part.
    """
    files = list(message.attachments)
    parts: list[Part] = []
    if files and not message.buttons and units(message.text.plain) <= CAPTION_LIMIT:
        parts.append(Part(message.text, attachment=files.pop(0), named=True))
    else:
        texts = split(message.text)
        parts.extend(Part(text) for text in texts[:-1])
        parts.append(Part(texts[-1], message.buttons, named=True))
    parts.extend(Part(attachment=file) for file in files)
    parts[0] = replace(parts[0], first=True)
    return parts
