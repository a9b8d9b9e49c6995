"""The database: whether this version can use it, the key opens it, and the file is whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.checks.findings import Finding, Level
from bot.checks.scene import Scene
from storage.database import StorageError
from storage.inspecting import FactsAsTheyAre, Inspected, Schema, damage, inspect
from storage.keys import KeyFileError

SETTING = "database.url"

SCHEMAS = {
    Schema.NONE: (
        Level.WEAK,
        "there is no database yet: acuerpa init or the first start makes it; if there was one, bring it "
        "back from a backup",
    ),
    Schema.OLDER: (
        Level.WEAK,
        "is of an earlier version: make a backup; the next start brings it to this one",
    ),
    Schema.SAME: (Level.OK, "opens, and is of this version"),
    Schema.NEWER: (Level.FAILING, "was made by a newer version: install that version"),
}


async def look(scene: Scene) -> AsyncIterator[Finding]:
    """Nothing is changed, and a bot that writes meanwhile does not wait."""
    url = scene.config.database.url
    try:
        found = await inspect(url)
    except StorageError as error:
        yield _said(error)
        return
    yield Finding(SCHEMAS[found.schema][0], SETTING, SCHEMAS[found.schema][1])
    for name in found.odd:
        yield Finding(
            Level.WEAK, SETTING,
            f"PRAGMA {name} is not as it should be: the next start sets it; if it stays, is the file on "
            "a network drive? Move it to a local disk",
        )  # fmt: skip
    if found.schema is Schema.NONE:
        return
    try:
        wrong = await damage(url)
    except StorageError as error:
        yield _said(error)
        return
    if wrong is not None:
        yield Finding(
            Level.FAILING,
            SETTING,
            "the file is damaged: stop the bot, and bring it back from a backup",
        )
    yield await _key(scene, found)


async def _key(scene: Scene, found: Inspected) -> Finding:
    if scene.keys is None:
        return Finding(Level.SKIPPED, "keys", "a passphrase opens it, which is not asked for here")
    subject = "keys.passphrase" if scene.config.keys.passphrase else "keys.file"
    try:
        ring = await found.unlocked(scene.keys)
    except (KeyFileError, StorageError) as error:
        return _said(error)
    scene.facts = FactsAsTheyAre(scene.config.database.url, ring)
    return Finding(Level.OK, subject, "opens the database; is there a copy of it elsewhere?")


def _said(error: Exception) -> Finding:
    """An error whose line begins with the setting's name."""
    subject, _, words = str(error).partition(": ")
    return Finding(Level.FAILING, subject, words)
