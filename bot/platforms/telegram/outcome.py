"""What an exception of the library means, as tables.

`BadRequest` and `TimedOut` are subclasses of `NetworkError`, so they are looked at first. Whether a
request left us is told by the `NoAnswer` of our transport under `__cause__`.

The server's words were taken from the source of the Bot API server
(https://github.com/tdlib/telegram-bot-api, `Client.cpp`), where the documentation gives none.
"""

from __future__ import annotations

import warnings
from datetime import timedelta

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.platforms.base import Receipt, Result
from bot.platforms.telegram.transport import NoAnswer

_BAD_REQUESTS: tuple[tuple[str, Result], ...] = (
    # The message already is as it should be.
    ("message is not modified", Result.SENT),
    # What was to be changed is not there, or too old: say it anew, if it must be said.
    ("message to edit not found", Result.GONE),
    ("message to delete not found", Result.GONE),
    ("message can't be edited", Result.GONE),
    ("message to pin not found", Result.GONE),
    ("not enough rights to manage pinned messages", Result.GONE),
    ("message_id_invalid", Result.GONE),
    ("message identifier is not specified", Result.GONE),
    ("query is too old", Result.GONE),
    # This chat is closed to us, and stays so until a person does something.
    ("chat not found", Result.BLOCKED),
    ("user not found", Result.BLOCKED),
    ("user is deactivated", Result.BLOCKED),
    ("peer_id_invalid", Result.BLOCKED),
    ("channel_private", Result.BLOCKED),
    ("bot is not a member", Result.BLOCKED),
    ("bot was kicked", Result.BLOCKED),
    ("group chat was deleted", Result.BLOCKED),
    ("group chat was deactivated", Result.BLOCKED),
    ("not enough rights to send", Result.BLOCKED),
    ("have no rights to send", Result.BLOCKED),
    ("need administrator rights", Result.BLOCKED),
    ("chat_admin_required", Result.BLOCKED),
    ("chat_write_forbidden", Result.BLOCKED),
    ("chat_restricted", Result.BLOCKED),
    ("topic_closed", Result.BLOCKED),
    ("user_banned_in_channel", Result.BLOCKED),
)
"""Parts of the description of a 400, in lower case. What is not here is REJECTED."""

_PAUSE = 5.0
"""Seconds to wait after a 429 that does not say how long."""


def receipt_of(error: Exception) -> Receipt:
    """The outcome of an attempt that raised `error`.

    `reason` is made of fixed words or of the server's description, never of a request or of an
    answer that could not be read: both bear content.
    """
    if isinstance(error, RetryAfter):
        return Receipt(Result.LIMITED, retry_after=_seconds(error), reason="Too Many Requests")
    if isinstance(error, ChatMigrated):
        return Receipt(
            Result.MIGRATED,
            new_chat=str(error.new_chat_id),
            reason="group chat was upgraded to a supergroup chat",
        )
    if isinstance(error, InvalidToken):
        # The library makes one exception of 401 and 404; an older server lacks newer methods.
        missing = "method not found" in error.message.lower()
        return Receipt(Result.REJECTED if missing else Result.REVOKED, reason=error.message)
    if isinstance(error, Forbidden):
        return Receipt(Result.BLOCKED, reason=error.message)
    if isinstance(error, BadRequest):
        return Receipt(_bad_request(error.message), reason=_description(error))
    if isinstance(error, NetworkError):
        return _network(error)
    # An answer that cannot be read: the request may well have been carried out.
    words = error.message if isinstance(error, TelegramError) else type(error).__name__
    return Receipt(Result.AMBIGUOUS, reason=words)


def _bad_request(description: str) -> Result:
    words = description.lower()
    return next((result for part, result in _BAD_REQUESTS if part in words), Result.REJECTED)


def _network(error: NetworkError) -> Receipt:
    cause = error.__cause__
    if isinstance(cause, NoAnswer):
        # What left may have been carried out, whatever became of the connection.
        return Receipt(Result.AMBIGUOUS if cause.left else Result.UNREACHABLE, reason=cause.why)
    if isinstance(error, TimedOut):
        return Receipt(Result.AMBIGUOUS, reason=type(error).__name__)
    if cause is not None and not isinstance(cause, TelegramError):
        # The library could not even encode the request.
        return Receipt(Result.REJECTED, reason=type(cause).__name__)
    # The server answered with a status that the library has no exception for.
    words = _description(error)
    if words.startswith("Too Many Requests"):
        return Receipt(Result.LIMITED, retry_after=_PAUSE, reason=words)
    if words.startswith("Request Entity Too Large"):
        return Receipt(Result.REJECTED, reason=words)
    return Receipt(Result.SERVER_ERROR, reason=words)


def _description(error: TelegramError) -> str:
    """The server's words, without the answer that the library appends if it is not JSON."""
    return error.message.partition(". Parsing the server response")[0]


def _seconds(error: RetryAfter) -> float:
    """The pause asked for. The library warns that the type of this value will change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pause = error.retry_after
    return pause.total_seconds() if isinstance(pause, timedelta) else float(pause)
