"""The short version of P15, and that it can fail."""

from __future__ import annotations

from unittest.mock import patch

import pytest
import sqlalchemy as sa

from storage import keyring
from storage.keys import MasterKey
from storage.vault import Refused
from tests.proofs import keeping
from tests.proofs.proof import a_seed, shown


async def test_migrations_rotations_and_copies_keep_everybody() -> None:
    figures = await shown("P15", keeping.p15, full=False, seed=a_seed())
    assert not figures.problems


async def test_the_proof_sees_a_key_that_is_dropped_too_early() -> None:
    add = keyring.add

    def add_and_drop(connection: sa.Connection, kept: keyring.Kept, master: MasterKey) -> None:
        add(connection, kept, master)
        keyring.drop_old(connection)

    with keeping.folder() as at, patch.object(keyring, "add", add_and_drop):
        await keeping.filled(at / "a.db", 30)
        with pytest.raises(Refused):
            await keeping.rotate(str(at / "a.db"))
        assert await keeping.everybody(at / "a.db", 30)
