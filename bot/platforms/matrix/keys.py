"""Claiming one-time keys, which is how a first encrypted message to a device is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nio import AsyncClient, KeysClaimResponse  # type: ignore[import-untyped]

from bot.platforms.base import Result
from bot.platforms.matrix.http import call, path
from bot.platforms.matrix.outcome import RefusedError, of_answer, refused


async def claim(client: AsyncClient, devices: Mapping[str, Iterable[str]]) -> None:
    """Start sessions with these devices (ids by user id) as far as their servers have keys.

    Not by nio's method: an error answer makes that one fail with a TypeError. Raises
    `RefusedError` and network errors.
    """
    wanted = {user: dict.fromkeys(ids, "signed_curve25519") for user, ids in devices.items()}
    answer = await call(client, "POST", path("keys", "claim"), {"one_time_keys": wanted})
    if not answer.ok:
        raise RefusedError(of_answer(answer))
    response = KeysClaimResponse.from_dict(dict(answer.body))
    if not isinstance(response, KeysClaimResponse):
        raise refused(Result.SERVER_ERROR, "malformed one-time keys")
    await client.receive_response(response)
