"""The short version of P16, and that it can fail."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from handlers import incidents
from handlers.context import Context
from storage.people import People
from tests.proofs import own_only
from tests.proofs.own_only import p16, several
from tests.proofs.proof import Figures, a_seed, shown


async def test_a_member_sees_only_their_own() -> None:
    figures = await shown("P16", p16, full=False, seed=a_seed())
    assert not figures.problems
