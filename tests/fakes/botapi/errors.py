"""What the Bot API answers when it refuses: code, words, parameters."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refusal; `parameters` is the documented ResponseParameters."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        body: dict[str, Any] = {
            "ok": False,
            "error_code": self.code,
            "description": self.description,
        }
        if self.parameters:
            body["parameters"] = self.parameters
        return body


def bad_request(words: str) -> ApiError:
    """400."""
    return ApiError(400, f"Bad Request: {words}")


def forbidden(words: str) -> ApiError:
    """403."""
    return ApiError(403, f"Forbidden: {words}")


def too_many_requests(seconds: int) -> ApiError:
    """429."""
    return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def unauthorized() -> ApiError:
    """401, for a token that is not or no longer valid."""
    return ApiError(401, "Unauthorized")


def method_not_found() -> ApiError:
    """404."""
    return ApiError(404, "Not Found: method not found")


def upgraded(new_chat: int) -> ApiError:
    """400 for a group that has become a supergroup."""
    return ApiError(
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
        migrate_to_chat_id=new_chat,
    )


def other_poll() -> ApiError:
    """409 for a poll that another one took the place of."""
    return ApiError(
        409,
        "Conflict: terminated by other getUpdates request; "
        "make sure that only one bot instance is running",
    )
