"""Which addresses are asked: public ones alone, so that nobody uses us to look into our own network."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot.following.values import Why

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"),)
"""IPv6 addresses that stand for an IPv4 one, at the end of which is another network (RFC 6052)."""

TUNNELS = tuple(
    ipaddress.ip_network(block) for block in ("2002::/16", "2001::/32", "64:ff9b:1::/48", "::/96")
)
"""Others that lead to an IPv4 address, which no server uses any more (RFC 7526, 4380, 8215, 4291)."""

Resolve = Callable[[str, int], Awaitable[Sequence[tuple[int, str]]]]
"""A name and a port to families and numeric addresses; raises `OSError`."""


def is_public(address: str, *, loopback: bool = False) -> bool:
    """Whether a numeric address is one of a server that anybody can ask.

    `loopback` lets this machine through as well, for tests.
    """
    try:
        ip: IPAddress = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if any(ip in block for block in TRANSLATED):
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        elif ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
    if loopback and ip.is_loopback:
        return True
    if ip.version == 6 and (ip.is_site_local or any(ip in block for block in TUNNELS)):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


LOCAL = ("local", "internal", "lan", "home", "home.arpa", "localdomain", "localhost", "intranet")
"""Endings of names in somebody's own network (RFC 6762, RFC 8375, ICANN's "internal", and customs)."""


def refusal(url: URL, *, loopback: bool = False, proxied: bool = False) -> Why | None:
    """Why an address is not asked, as far as it shows; what its name leads to is `Public`'s.

    `proxied`: the proxy resolves names, so that onion services can be asked, and a name that is of
    somebody's own network is refused by how it looks.
    """
    host = (url.host or "").rstrip(".").lower()
    if not host or url.scheme not in ("https", "http") or url.user is not None:
        return Why.ADDRESS
    if host.endswith(".onion"):
        # RFC 7686: such a name must not be asked of DNS, which would tell whom we read. The way to it
        # is sealed without TLS too.
        return None if proxied else Why.ONION
    numeric = _is_numeric(host)
    if numeric and not is_public(host, loopback=loopback):
        return Why.FORBIDDEN
    if (
        proxied
        and not numeric
        and ("." not in host or host.endswith(tuple(f".{end}" for end in LOCAL)))
    ):
        return Why.FORBIDDEN
    here = loopback and ((numeric and not is_public(host)) or host == "localhost")
    return None if url.scheme == "https" or here else Why.ADDRESS


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def system_resolve(host: str, port: int) -> Sequence[tuple[int, str]]:
    """As this machine resolves names."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return [(int(family), str(address[0])) for family, _, _, _, address in found]


class Public(AbstractResolver):
    """Resolves a name once, and only to public addresses.

    What it gives is what is connected to: a name that means another address a moment later does not
    get past it. One address that is not public is enough to refuse the name. `refused`: one was.
    """

    def __init__(self, resolve: Resolve, *, loopback: bool) -> None:
        self._resolve = resolve
        self._loopback = loopback
        self.refused = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Numeric addresses. Raises `OSError`."""
        found = await self._resolve(host, port)
        if not all(is_public(address, loopback=self._loopback) for _, address in found):
            self.refused = True
            raise OSError("an address that is not public")
        if not found:
            raise OSError("no address")
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=of, proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for of, address in found
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing is kept."""
