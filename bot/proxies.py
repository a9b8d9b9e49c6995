"""SOCKS5 proxies, such as Tor: everything of a platform goes through one, and nothing beside it.

Names are resolved by the proxy, so that nobody near us learns them (RFC 1928, address type 3). A proxy
that does not answer is a platform that does not answer; there is no other way for its bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError
from aiohttp_socks import ProxyType as Kind

SCHEMES = ("socks5", "socks5h")
"""Both are the same here; other programs mean by the second one that the proxy resolves names."""

EXAMPLE = "socks5://127.0.0.1:9050"

LONGEST = 255
"""Bytes of a name or a password (RFC 1929)."""

FILLER = "x"
"""Where a name needs a password: Tor looks whether it is the same, and at nothing else."""

ANSWER = 10.0
"""Seconds in which a proxy must say that it is one."""

_VERSION, _NO_NAME, _NAME = 5, 0, 2
"""RFC 1928, section 3."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy listens, and the name under which it is asked, "" for none."""

    host: str
    port: int
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def read(cls, address: str) -> Proxy:
        """From `socks5://[user:password@]host:port`. Raises `ValueError` without the address."""
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in SCHEMES or not parts.hostname or not port or parts.path.strip("/"):
            raise ValueError(f"must be an address such as {EXAMPLE}")
        username, password = unquote(parts.username or ""), unquote(parts.password or "")
        if bool(username) != bool(password):
            raise ValueError("needs a name and a password, or neither")
        if any(not part.isascii() or len(part) > LONGEST for part in (username, password)):
            raise ValueError(
                f"its name and password must be ASCII and {LONGEST} characters at most"
            )
        return cls(parts.hostname, port, username, password)

    def apart(self, name: str) -> Proxy:
        """The same, asked for under a name of its own unless it has one already.

        Tor gives those who come under different names different ways through its network
        (IsolateSOCKSAuth, which is its default), so that nobody at the end of one sees that they are
        the same machine. Other proxies take whoever needs no name without it.
        """
        if self.username:
            return self
        return replace(self, username=f"acuerpa-{name}", password=FILLER)


class Through(ProxyConnector):
    """A connector for aiohttp whose every connection is one of the proxy's.

    Were aiohttp to connect by itself, in whatever version, it would need a socket, and gets none.
    What goes wrong on the way is told as aiohttp tells it of a direct connection.
    """

    def __init__(self, proxy: Proxy, **options: Any) -> None:
        super().__init__(
            host=proxy.host,
            port=proxy.port,
            proxy_type=Kind.SOCKS5,
            username=proxy.username or None,
            password=proxy.password or None,
            rdns=True,
            socket_factory=_no_socket,
            **options,
        )

    async def connect(
        self, req: Any, traces: Any, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        """See aiohttp. Raises its `ClientError` and `TimeoutError`."""
        try:
            return await super().connect(req, traces, timeout)
        except (aiohttp.ClientError, TimeoutError):
            raise
        except (ProxyConnectionError, ProxyError, ProxyTimeoutError) as error:
            # Its words would name whom we asked for.
            why = OSError(type(error).__name__)
            raise aiohttp.ClientProxyConnectionError(req.connection_key, why) from None
        except ssl.SSLCertVerificationError as error:
            raise aiohttp.ClientConnectorCertificateError(req.connection_key, error) from error
        except ssl.SSLError as error:
            raise aiohttp.ClientConnectorSSLError(req.connection_key, error) from error
        except OSError as error:
            raise aiohttp.ClientConnectorError(req.connection_key, error) from error


def _no_socket(_address: object) -> NoReturn:
    raise OSError(errno.EACCES, "a direct connection is not allowed")


def connector(proxy: Proxy | None, **options: Any) -> aiohttp.TCPConnector:
    """Through the proxy; a direct one only where there is none."""
    return aiohttp.TCPConnector(**options) if proxy is None else Through(proxy, **options)


async def silence(proxy: Proxy, patience: float = ANSWER) -> str | None:
    """Why nothing could go through this proxy; None if it answers as one. It is asked for no one.

    Source: RFC 1928, section 3.
    """
    ways = bytes([_NO_NAME, _NAME] if proxy.username else [_NO_NAME])
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
            writer.write(bytes([_VERSION, len(ways)]) + ways)
            version, way = await reader.readexactly(2)
    except TimeoutError:
        return "does not answer"
    except socket.gaierror:
        return "has a name that is not known"
    except OSError as error:
        return f"cannot be reached ({error.strerror or type(error).__name__})"
    except asyncio.IncompleteReadError:
        return "is no SOCKS5 proxy"
    finally:
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    if version != _VERSION:
        return "is no SOCKS5 proxy"
    return None if way in ways else "wants a name and a password: socks5://name:password@…"
