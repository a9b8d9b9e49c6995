"""Fetching a feed of somebody else over HTTP: little, from public addresses alone, and without a word
about us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from yarl import URL

from bot.following.addresses import Public, Resolve, refusal, system_resolve
from bot.following.reading import MOST_BYTES
from bot.following.values import Fetched, Unchanged, Unreachable, Why
from bot.proxies import Proxy, connector

TOTAL = 20.0
"""Seconds for everything: names, redirects, the feed and its signature."""

REDIRECTS = 3
REDIRECTING = frozenset({301, 302, 303, 307, 308})
UNCHANGED = 304
FOUND = 200

SIGNATURE = ".minisig"
MOST_SIGNATURE = 4_096
"""Bytes of a signature; one of minisign has about 300."""

LONGEST_MARK = 200
"""Characters of an ETag or a date that is sent back: a longer one could hold who we are."""

HEADERS = {
    "User-Agent": "Acuerpa",
    "Accept": "application/atom+xml, application/rss+xml, application/feed+json, */*;q=0.5",
    "Accept-Encoding": "gzip, deflate",
}
"""All that a server learns of us, beside our address and what we ask for."""

Verify = Callable[[bytes, str, str], bool]
"""Content, its signature and the pinned key to whether it is signed with that key."""


class _Ended(Exception):
    """There is nothing to have."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content: bytes
    content_type: str
    etag: str
    modified: str


class Fetching:
    """Asks for feeds, each in a connection of its own.

    Args:
        verify: Checks a signature in the format of minisign; None where nothing can.
        resolve: Names to addresses.
        proxy: What everything goes through, names too: it resolves them. It leads to onion services,
            and is trusted to lead to nobody's own network, as Tor's is.
        loopback: Also asks servers of this machine, without TLS. For tests alone: with it, whoever may
            name an address can look into what runs here.
        total: Seconds for everything; three times as long through a proxy.
    """

    def __init__(
        self,
        *,
        verify: Verify | None = None,
        resolve: Resolve = system_resolve,
        proxy: Proxy | None = None,
        loopback: bool = False,
        total: float = TOTAL,
    ) -> None:
        self._verify = verify
        self._resolve = resolve
        self._proxy = proxy
        self._loopback = loopback
        self._total = total if proxy is None else 3 * total

    async def fetch(
        self, url: str, *, key: str = "", etag: str = "", modified: str = ""
    ) -> Fetched | Unchanged | Unreachable:
        """What is there now. Raises nothing but the end of the task.

        `key`: without its signature on exactly this content there is none. `etag` and `modified` are
        those of the last answer.
        """
        if key and self._verify is None:
            return Unreachable(Why.NO_VERIFIER)
        resolver = Public(self._resolve, loopback=self._loopback)
        try:
            async with asyncio.timeout(self._total), self._session(resolver) as session:
                return await self._fetched(session, url, key, etag, modified)
        except _Ended as end:
            return Unreachable(end.why)
        except TimeoutError:
            return Unreachable(Why.TOO_SLOW)
        except (aiohttp.ClientError, OSError, ValueError):
            return Unreachable(Why.FORBIDDEN if resolver.refused else Why.CONNECTION)

    def _session(self, resolver: Public) -> aiohttp.ClientSession:
        names = {"resolver": resolver, "use_dns_cache": False} if self._proxy is None else {}
        return aiohttp.ClientSession(
            connector=connector(self._proxy, force_close=True, limit=1, **names),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            timeout=aiohttp.ClientTimeout(total=self._total),
            trust_env=False,
        )

    async def _fetched(
        self, session: aiohttp.ClientSession, url: str, key: str, etag: str, modified: str
    ) -> Fetched | Unchanged:
        at = _parsed(url)
        conditions = {"If-None-Match": etag, "If-Modified-Since": modified}
        asked = {name: value for name, value in conditions.items() if value}
        answer = await self._get(session, at, asked, MOST_BYTES)
        if answer.status == UNCHANGED and asked:
            return Unchanged()
        if answer.status != FOUND:
            raise _Ended(Why.STATUS)
        if key:
            await self._check(session, at, answer.content, key)
        return Fetched(answer.content, answer.content_type, answer.etag, answer.modified, bool(key))

    async def _check(
        self, session: aiohttp.ClientSession, at: URL, content: bytes, key: str
    ) -> None:
        """Raises `_Ended` unless the content is signed. The signature lies beside the feed's own
        address, wherever that leads: who may change the one may change the other."""
        beside = at.with_path(at.raw_path + SIGNATURE, encoded=True, keep_query=True)
        try:
            answer = await self._get(session, beside, {}, MOST_SIGNATURE)
        except _Ended as end:
            if end.why is Why.TOO_LARGE:
                raise _Ended(Why.SIGNATURE) from None
            raise
        if answer.status != FOUND:
            raise _Ended(Why.UNSIGNED)
        if self._verify is None:
            raise _Ended(Why.NO_VERIFIER)
        try:
            signed = self._verify(content, answer.content.decode("utf-8", "replace"), key)
        except Exception:  # whatever it makes of a hostile signature
            signed = False
        if signed is not True:
            raise _Ended(Why.SIGNATURE)

    async def _get(
        self, session: aiohttp.ClientSession, at: URL, asked: dict[str, str], most: int
    ) -> _Answer:
        """Follow redirects, each address checked as the first one was."""
        for _ in range(REDIRECTS + 1):
            why = refusal(at, loopback=self._loopback, proxied=self._proxy is not None)
            if why is not None:
                raise _Ended(why)
            async with session.get(at, headers=asked, allow_redirects=False) as response:
                if response.status not in REDIRECTING:
                    return await _answered(response, most)
                at = at.join(_parsed(response.headers.get("Location", "")))
        raise _Ended(Why.REDIRECTS)


async def _answered(response: aiohttp.ClientResponse, most: int) -> _Answer:
    """Not a byte more than `most`, counted as they come out of their compression."""
    content = bytearray()
    if response.status == FOUND:
        async for piece in response.content.iter_chunked(1 << 14):
            content += piece
            if len(content) > most:
                raise _Ended(Why.TOO_LARGE)
    return _Answer(
        response.status,
        bytes(content),
        response.headers.get("Content-Type", "")[:LONGEST_MARK],
        _mark(response.headers.get("ETag", "")),
        _mark(response.headers.get("Last-Modified", "")),
    )


def _mark(value: str) -> str:
    return value if len(value) <= LONGEST_MARK and value.isascii() and value.isprintable() else ""


def _parsed(url: str) -> URL:
    """Raises `_Ended`."""
    try:
        return URL(url).with_fragment(None)
    except (ValueError, TypeError):
        raise _Ended(Why.ADDRESS) from None
