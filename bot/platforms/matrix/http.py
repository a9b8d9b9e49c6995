"""Requests that matrix-nio has no method for, on nio's own session and with its timeout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from nio import AsyncClient  # type: ignore[import-untyped]

API = "/_matrix/client/v3"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a homeserver answered: HTTP status, and the JSON object, {} where there was none.

    `items` are the elements of an answer that is a list, as a room's state is.
    """

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    items: Sequence[Any] = ()

    @property
    def ok(self) -> bool:
        """Whether it did what was asked."""
        return 200 <= self.status < 300

    @property
    def errcode(self) -> str:
        """Matrix's standard error code, or ""."""
        code = self.body.get("errcode")
        return code if isinstance(code, str) else ""


def path(*parts: str, **query: str) -> str:
    """A client-server API path with each part percent-encoded."""
    end = "?" + urlencode(query) if query else ""
    return API + "".join("/" + quote(part, safe="") for part in parts) + end


async def call(
    client: AsyncClient, method: str, where: str, body: Mapping[str, Any] | None = None
) -> Answer:
    """Ask once. Raises aiohttp's and time-out errors, never for what the server answers."""
    headers = {"Content-Type": "application/json"}
    if client.access_token:
        headers["Authorization"] = f"Bearer {client.access_token}"
    data = None if body is None else json.dumps(body)
    response = await client.send(method, where, data, headers)
    try:
        answer = json.loads(await response.read())
    except ValueError:
        answer = {}
    finally:
        response.release()
    if isinstance(answer, list):
        return Answer(response.status, items=answer)
    return Answer(response.status, answer if isinstance(answer, dict) else {})
