"""What a homeserver's answer, or its silence, means for a message.

Source: Matrix client-server API, "Standard error response". Only the error code is kept as the
reason: servers put user and room ids into the words.
"""

from __future__ import annotations

from typing import Any

import aiohttp

from bot.platforms.base import Receipt, Result
from bot.platforms.matrix.http import Answer

_BY_CODE = {
    "M_UNKNOWN_TOKEN": Result.REVOKED,
    "M_USER_DEACTIVATED": Result.REVOKED,
    "M_FORBIDDEN": Result.BLOCKED,
    "M_NOT_FOUND": Result.BLOCKED,
    "M_TOO_LARGE": Result.REJECTED,
    "M_BAD_JSON": Result.REJECTED,
    "M_INVALID_PARAM": Result.REJECTED,
    "M_LIMIT_EXCEEDED": Result.LIMITED,
}

SOFT_LOGOUT = "soft logout"
"""The reason where the server wants us to sign in again and knows our device all the same."""

# A limit without a stated wait: Synapse's default lets an account send once in five seconds.
_UNSTATED_WAIT = 5.0


class RefusedError(Exception):
    """We do not send, or cannot: `receipt` says what to report."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.reason)
        self.receipt = receipt


def refused(result: Result, reason: str) -> RefusedError:
    """A refusal of our own, in our own words."""
    return RefusedError(Receipt(result, reason=reason))


def of_answer(answer: Answer) -> Receipt:
    """The receipt for an error that the server answered."""
    if answer.status == 401 and answer.body.get("soft_logout") is True:
        return Receipt(Result.SERVER_ERROR, reason=SOFT_LOGOUT)
    retry_after = answer.body.get("retry_after_ms")
    return _of_error(answer.status, answer.errcode, retry_after)


def of_response(response: Any) -> Receipt:
    """The same for one of nio's `ErrorResponse` objects."""
    transport = getattr(response, "transport_response", None)
    status = getattr(transport, "status", 0)
    code = getattr(response, "status_code", None)
    if getattr(response, "soft_logout", False):
        return Receipt(Result.SERVER_ERROR, reason=SOFT_LOGOUT)
    return _of_error(
        status, code if isinstance(code, str) else "", getattr(response, "retry_after_ms", None)
    )


def of_exception(error: Exception) -> Receipt:
    """The receipt when there was no answer.

    A connection that was never made is UNREACHABLE. Everything else that the network can do is
    AMBIGUOUS, which costs nothing here: the transaction id makes a second try harmless. An error
    that is not the network's (the crypto store's disk is full, a session is not shared any more)
    left nothing behind and is tried again.
    """
    if isinstance(error, RefusedError):
        return error.receipt
    reason = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Receipt(Result.UNREACHABLE, reason=reason)
    if isinstance(error, aiohttp.ClientError | TimeoutError | OSError):
        return Receipt(Result.AMBIGUOUS, reason=reason)
    return Receipt(Result.SERVER_ERROR, reason=reason)


def _of_error(status: int, code: str, retry_after_ms: object) -> Receipt:
    if code == "M_MISSING_TOKEN":
        # nio throws its token away at a soft logout, and then asks without one.
        return Receipt(Result.SERVER_ERROR, reason=SOFT_LOGOUT)
    reason = f"{status} {code}".strip()
    result = _BY_CODE.get(code)
    if status == 429 or result is Result.LIMITED:
        stated = isinstance(retry_after_ms, int | float) and retry_after_ms > 0
        wait = float(retry_after_ms) / 1000 if stated else _UNSTATED_WAIT  # type: ignore[arg-type]
        # Synapse counts messages per account, not per room.
        return Receipt(Result.LIMITED, retry_after=wait, whole_platform=True, reason=reason)
    if result is None:
        # 413 may come from a proxy without Matrix's code; anything else unknown may pass.
        result = Result.REJECTED if status == 413 else Result.SERVER_ERROR
    return Receipt(result, reason=reason)
