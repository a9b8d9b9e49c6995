"""The name by which a place on Telegram is known here: a chat, or one topic of a forum in it.

A topic is a thread of a supergroup (Bot API, `message_thread_id` and `is_topic_message`). It is written
"-1001234/56", so that everything which knows a chat by its name knows a topic the same way.
"""

from __future__ import annotations

import re

_TOPIC = re.compile(r"(-?\d{1,20})/(\d{1,20})")


def topic(chat: str, thread: object) -> str:
    """The name of a topic; that of the chat itself where there is no thread."""
    return f"{chat}/{thread}" if isinstance(thread, int) and thread > 0 else chat


def parted(name: str) -> tuple[str, int | None]:
    """The chat and the thread that the Bot API asks for."""
    found = _TOPIC.fullmatch(name)
    return (found[1], int(found[2])) if found else (name, None)
