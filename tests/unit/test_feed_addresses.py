"""Which servers are asked for feeds, and how often."""

from __future__ import annotations

import pytest

from bot.domain.following import EVERY, LONGEST, wait
from bot.following.addresses import is_public


def test_a_feed_that_fails_is_asked_less_and_less() -> None:
    waits = [wait(failures, 0.5) for failures in range(12)]
    assert waits[0] == EVERY
    assert waits[1] == 2 * EVERY
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST
    assert wait(0, 0.0) < EVERY < wait(0, 1.0)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::", "::10.0.0.1",
        "2001:0:a00:1::", "127.1", "0x7f000001", "2130706433", "", "e.example",
    ],
)  # fmt: skip
def test_our_own_network_is_not_asked(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::1.1.1.1", "::ffff:1.1.1.1"]
)
def test_the_public_is(address: str) -> None:
    assert is_public(address)
    assert is_public("127.0.0.1", loopback=True)
    assert not is_public("10.0.0.1", loopback=True)
