"""`acuerpa verify` and `acuerpa signing …`: whether something is ours, and the keys that say so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.common import ConfigPath, go, source_of
from bot.config import ConfigError, load
from bot.engine.clock import SystemClock
from bot.signing.minisign import (
    MOST_TEXT,
    PublicKey,
    SignatureError,
    read_public_key,
    signer,
    verified,
)
from storage.database import Database
from storage.signing_keys import SigningKey
from storage.transaction import Transaction

signing = typer.Typer(no_args_is_help=True, help="The keys that sign publications.")

MOST_CONTENT = 256 * 2**20
"""Bytes of a file to verify: it is read as a whole."""


def verify(
    file: Annotated[Path, typer.Argument(help="What was signed.")],
    signature: Annotated[
        Path | None, typer.Option(help="Its signature; FILE.minisig if this is left out.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="The public key: its line, or a file. Left out: this installation's."),
    ] = None,
    config: ConfigPath = Path("config.toml"),
) -> None:
    """Check a signature: OK and who signed it, or one line and exit status 1."""

    async def check() -> None:
        beside = signature or Path(f"{file}.minisig")
        content = _read(file, MOST_CONTENT, "name the file that was signed")
        words = _text(beside, "name the signature's file with --signature")
        by = _given(key) if key is not None else await _of_ours(signer(words), config)
        comment = verified(content, words, by)
        typer.echo(f"OK: signed by {by.id}: {comment}")

    go(check())


@signing.command()
def status(config: ConfigPath = Path("config.toml")) -> None:
    """Say which keys signed since when, and show their public halves."""

    async def look() -> None:
        known = await _ours(config)
        for key in known:
            until = f"until {key.retired_at:%F %H:%M} UTC" if key.retired_at else "current"
            typer.echo(f"key {key.public.id}: since {key.created_at:%F %H:%M} UTC, {until}")
            typer.echo(f"  {key.public.line}")
        if not known:
            typer.echo("There is no signing key yet: the first publication makes one.")

    go(look())


@signing.command()
def rotate(config: ConfigPath = Path("config.toml")) -> None:
    """Sign with another key from now on; the old one's secret half is erased. The bot may run."""

    async def change() -> None:
        async with _transaction(config) as tx:
            new = await tx.signing_keys.rotate(SystemClock().now())
        if new.statement is None:
            typer.echo(f"key {new.public.id} is the first one:")
            typer.echo(new.public.line)
        else:
            typer.echo("Both keys signed this:")
            typer.echo(new.statement.statement, nl=False)

    go(change())


@asynccontextmanager
async def _transaction(config: Path) -> AsyncIterator[Transaction]:
    """One, beside a bot that may be running."""
    settings = load(config)
    database = Database(settings.database.url, source_of(settings))
    await database.open()
    try:
        async with database.transaction() as tx:
            yield tx
    finally:
        await database.close()


async def _ours(config: Path) -> list[SigningKey]:
    async with _transaction(config) as tx:
        return await tx.signing_keys.all()


async def _of_ours(id: str, config: Path) -> PublicKey:
    """The key of this installation that bears this name, retired ones too."""
    for key in await _ours(config):
        if key.public.id == id:
            return key.public
    raise SignatureError(
        f"the signature was made by key {id}, and this installation has no such key: take the public "
        "key of who signed it from them, and give it with --key"
    )


def _given(key: str) -> PublicKey:
    """From the words behind --key."""
    try:
        return read_public_key(key)
    except SignatureError:
        return read_public_key(
            _text(Path(key), "--key takes the line of a public key, or its file")
        )


def _read(path: Path, most: int, remedy: str) -> bytes:
    """What is in a file. Raises `ConfigError` with the remedy."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError: no name of a file
        why = getattr(error, "strerror", None) or "no such name"
        raise ConfigError(f"{path}: cannot be read ({why}): {remedy}") from None
    if len(content) > most:
        raise ConfigError(f"{path}: has more than {most} bytes, which are not read: {remedy}")
    return content


def _text(path: Path, remedy: str) -> str:
    # What is no UTF-8 is no base64 either, and is refused where it matters.
    return _read(path, MOST_TEXT, remedy).decode(errors="replace")
