"""The bot is killed while its crypto store keeps keys: no key is used up and lost, none is given out
twice, none is out there that the bot does not have."""

from __future__ import annotations

import pytest

from tests.proofs.matrix_killing import MatrixInstallation
from tests.support.synapse import Synapse
from tests.support.zygote import Zygote

SAVES = ("save_account", "save_session", "save_inbound_group_session")
"""What a message from somebody new writes: a one-time key less, a session with them, the room's key."""


async def is_understood(at: MatrixInstallation, event_id: str) -> None:
    """The bot lives, and reads it."""
    await at.live()
    assert await at.until(
        lambda: at.count("SELECT count(*) FROM inbox WHERE event_id = ?", event_id) == 1, 20
    ), at.log()
    ((unreadable,),) = at.rows(
        "SELECT json_extract(raw, '$.undecryptable') FROM inbox WHERE event_id = ?", event_id
    )
    assert unreadable is None
    await at.end()


async def test_no_death_while_a_key_is_taken_in_loses_it(synapse: Synapse) -> None:
    points = [f"store.{save}:after" for save in SAVES]
    async with (
        await Zygote.start(matrix=True) as zygote,
        MatrixInstallation.open(zygote, synapse, 1.0, people=len(points)) as at,
    ):
        for person, point in zip(at.people, points, strict=True):
            written = await person.writes("auxilio")
            await at.die(point)
            await is_understood(at, written)


@pytest.mark.parametrize(
    "deaths",
    [
        ("store.save_account:before*2",),  # it means to publish them
        ("store.save_account:before*3", "store.save_account:before*2"),  # the server has them
    ],
    ids=["before", "after"],
)
async def test_a_death_while_keys_are_published_leaves_none_that_nobody_has(
    synapse: Synapse, deaths: tuple[str, ...]
) -> None:
    async with (
        await Zygote.start(matrix=True) as zygote,
        MatrixInstallation.open(zygote, synapse, 1.0, people=1, dying=deaths) as at,
    ):
        await is_understood(at, await at.people[0].writes("auxilio"))
