"""The short versions of P12 and P13, and that they can fail."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from bot.platforms.base import Secrecy
from bot.platforms.matrix import cross_signing
from bot.platforms.matrix.cross_signing import Identity, Own
from bot.platforms.matrix.guard import Guard
from bot.platforms.matrix.sending import Sender
from tests.proofs import matrix_plaintext, matrix_readers
from tests.proofs.proof import Figures, a_seed, shown
from tests.support.synapse import shared


async def test_every_alarm_is_shown_to_people() -> None:
    figures = await shown("P12", matrix_readers.p12, full=False, seed=a_seed())
    assert not figures.problems


async def test_the_proof_sees_a_bot_that_does_not_sign_its_device() -> None:
    ensure = cross_signing.ensure

    async def unsigned(client: Any, *more: Any) -> Own:
        own = await ensure(client, *more)
        keys = dict(own.device_keys)
        device = {f"ed25519:{client.device_id}"}
        keys["signatures"] = {
            client.user_id: {
                k: v for k, v in keys["signatures"][client.user_id].items() if k in device
            }
        }
        return Own(own.master, keys)

    async def nothing(*_: Any) -> None:
        return None

    figures = Figures()
    with (
        patch.object(cross_signing, "ensure", unsigned),
        patch.object(cross_signing, "_sign_device", nothing),
        patch.object(Identity, "has_signed", lambda *_: True),
        patch.dict(matrix_readers.MESSAGES, {False: 1}),
        patch.object(matrix_readers, "ROTATION", 0),
        patch.object(matrix_readers.Scene, "restart", nothing),
        patch.object(matrix_readers.Scene, "new_device", nothing),
        patch.object(matrix_readers.Scene, "until_rotation", nothing),
        patch.object(matrix_readers.Scene, "upgrade", nothing),
        patch.object(matrix_readers.Scene, "lose_the_device", nothing),
    ):
        figures = await matrix_readers.p12(False, 1)
    assert figures.lost == figures.runs == 6


async def test_nothing_leaves_in_the_clear() -> None:
    figures = await shown("P13", matrix_plaintext.p13, full=False, seed=a_seed())
    assert not figures.problems


async def test_the_proof_sees_a_bot_that_believes_its_server() -> None:
    async def believing(self: Guard, room_id: str, secrecy: Secrecy) -> bool:
        room = self._client.rooms.get(room_id)
        return room is None or not room.encrypted

    assert await _leaks(patch.object(Guard, "leaves_clear", believing))


async def test_the_proof_sees_a_file_that_is_sent_as_the_server_says() -> None:
    uploaded = Sender._uploaded

    async def believing(self: Sender, room_id: str, attachment: Any, secrecy: Secrecy) -> Any:
        with patch.object(Guard, "leaves_clear", _as_the_server_says):
            return await uploaded(self, room_id, attachment, secrecy)

    async def _as_the_server_says(self: Guard, room_id: str, secrecy: Secrecy) -> bool:
        room = await self._rooms.known(room_id)
        return not room.encrypted

    assert await _leaks(patch.object(Sender, "_uploaded", believing))


async def _leaks(broken: Any) -> int:
    """How often something leaves in the clear once the program is broken so."""
    figures = Figures()
    state = matrix_plaintext.State(("no encryption", "public"), "all lost", live=False, seed=1)
    with broken:
        await matrix_plaintext.run(figures, [state], shared())
    return figures.lost
