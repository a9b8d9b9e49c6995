"""Looking at a feed once: fetched and read."""

from __future__ import annotations

import asyncio

from bot.following.addresses import Resolve, system_resolve
from bot.following.fetching import Fetching, Verify
from bot.following.reading import read
from bot.following.values import Fetched, Looked, News, NotAFeed, Unreachable, Why
from bot.proxies import Proxy


class Looking:
    """What the engine is given to look at feeds. The arguments are those of `Fetching`."""

    def __init__(
        self,
        *,
        verify: Verify | None = None,
        resolve: Resolve = system_resolve,
        proxy: Proxy | None = None,
        loopback: bool = False,
    ) -> None:
        self._fetching = Fetching(verify=verify, resolve=resolve, proxy=proxy, loopback=loopback)

    async def look(self, url: str, key: str, etag: str, modified: str) -> Looked:
        """What there is. Takes up to half a minute, and halts nobody meanwhile."""
        found = await self._fetching.fetch(url, key=key, etag=etag, modified=modified)
        if not isinstance(found, Fetched):
            return found
        try:
            feed = await asyncio.to_thread(read, found.content, found.content_type)
        except NotAFeed as error:
            return Unreachable(error.why)
        return News(feed, found.etag, found.modified, found.verified)


async def offline(_url: str, _key: str, _etag: str, _modified: str) -> Looked:
    """For the demonstration, which asks nobody outside."""
    return Unreachable(Why.OFFLINE)
