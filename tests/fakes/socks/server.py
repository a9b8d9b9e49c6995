"""What both sides of a SOCKS5 proxy say before bytes pass."""

from __future__ import annotations

import asyncio
import ipaddress

VERSION = 5
NO_NAME, NAME, NONE_OF_THEM = 0, 2, 255
"""How one may say who one is (RFC 1928, section 3)."""
IPV4, DOMAIN, IPV6 = 1, 3, 4
KINDS = {IPV4: "ipv4", DOMAIN: "name", IPV6: "ipv6"}


class Refused(Exception):
    """The connection is at its end."""


async def greeted(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str, password: str
) -> str:
    """Under which name somebody asks, "" for none. As Tor does, one that is offered is taken."""
    version, count = await reader.readexactly(2)
    ways = await reader.readexactly(count)
    way = NAME if NAME in ways else NO_NAME
    if version != VERSION or (name and way == NO_NAME):
        writer.write(bytes([VERSION, NONE_OF_THEM]))
        raise Refused
    writer.write(bytes([VERSION, way]))
    if way == NO_NAME:
        return ""
    await reader.readexactly(1)
    said = [(await reader.readexactly((await reader.readexactly(1))[0])).decode() for _ in range(2)]
    right = not name or said == [name, password]
    writer.write(bytes([1, 0 if right else 1]))
    if not right:
        raise Refused
    return said[0]


async def wanted(reader: asyncio.StreamReader) -> tuple[str, int, str]:
    """Host, port, and whether the host is a name."""
    _, _, _, kind = await reader.readexactly(4)
    if kind == DOMAIN:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    else:
        host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == IPV4 else 16)))
    return host, int.from_bytes(await reader.readexactly(2), "big"), KINDS[kind]
