"""The short version of P14's part about the crypto store, and that it can fail."""

from __future__ import annotations

from unittest.mock import patch

from bot.platforms.matrix.store.records import Keys
from tests.proofs.crypto_store import p14_crypto_store
from tests.proofs.proof import a_seed, shown


async def test_it_names_nobody_and_takes_nothing_forged() -> None:
    figures = await shown("P14-crypto-store", p14_crypto_store, full=False, seed=a_seed())
    assert not figures.problems
    assert int(str(figures.more["canaries"])) > 80


async def test_the_proof_sees_a_seal_that_is_none() -> None:
    def nothing(_: Keys, plain: bytes, place: bytes) -> bytes:
        return plain

    def as_it_is(_: Keys, envelope: bytes, place: bytes) -> bytes:
        return envelope

    with (
        patch.object(Keys, "seal", nothing),
        patch.object(Keys, "open", as_it_is),
        patch.object(Keys, "mark", lambda *_: 0),
    ):
        figures = await p14_crypto_store(False, 1)
    assert figures.more["hits"]
    assert figures.more["accepted"]
    assert figures.more["swaps_refused"] < figures.more["swaps"]
