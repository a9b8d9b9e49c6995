"""The public archive of one installation: what it is called, where it stands, and what signs it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from bot.archive import PublicKey, Site, Statement, build
from bot.config import ArchiveSection
from bot.domain.denunciation import File
from bot.domain.publication import Publication
from bot.signing.minisign import signed
from bot.texts import available
from storage.database import Database
from storage.signing_keys import SigningKey

PATIENCE = 30.0
"""Seconds that the writer waits for the bytes of one file."""


class Archive:
    """Writes it. The pages are made in a thread, so that no alarm waits for them."""

    def __init__(self, database: Database, section: ArchiveSection, language: str, zone: str) -> None:
        self._database = database
        self._section = section
        self._languages = (language, *(code for code in available() if code != language))
        self._zone = zone

    async def write(self, publications: Sequence[Publication], now: datetime) -> None:
        """All of it, or nothing: what can be read is a whole archive at each instant.

        Raises `OSError` where the folder cannot be written.
        """
        folder = self._section.folder
        if folder is None:
            raise RuntimeError("an archive is written where a folder is configured")
        async with self._database.transaction() as tx:
            key = await tx.signing_keys.current(now)
            keys = await tx.signing_keys.all()
        site = Site(
            title=self._section.title,
            url=self._section.url,
            languages=self._languages,
            contact=self._section.contact,
            keys=tuple(_public(one) for one in keys),
            statements=tuple(said for one in keys for said in _said(one)),
            zone=self._zone,
        )
        loop = asyncio.get_running_loop()

        def content(file: File) -> bytes | None:
            return asyncio.run_coroutine_threadsafe(self._content(file), loop).result(PATIENCE)

        def sign(words: bytes, comment: str) -> str:
            return signed(words, key, comment)

        await asyncio.to_thread(
            build, site, publications, content=content, sign=sign, folder=folder, now=now
        )

    async def _content(self, file: File) -> bytes | None:
        async with self._database.transaction() as tx:
            return await tx.files.content(file.id, file.digest)


def _public(key: SigningKey) -> PublicKey:
    return PublicKey(key.public.id, key.public.file, key.created_at, key.retired_at)


def _said(key: SigningKey) -> list[Statement]:
    """That it took another one's place, signed by the one before it, which readers trust already."""
    if key.statement is None:
        return []
    return [Statement(key.created_at, key.statement.statement, key.statement.by_old)]
