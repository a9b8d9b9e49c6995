"""The data keys of one database: kept wrapped in it, unwrapped in memory alone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from storage.keys import Argon, KeyFileError, KeySource, MasterKey
from storage.tables import data_keys, facts
from storage.vault import KEY_BYTES, Vault

ROWS = "rows"
"""Seals the rows. A rotation makes another one."""

MATRIX = "matrix"
"""Seals the crypto store of Matrix, which is a file of its own; stays the same."""

ARGON = "keys.argon"
"""The fact that holds how the passphrase becomes the master key, where it is one."""

LEGACY = ("matrix.",)
"""How the names of facts begin that the first versions sealed under the master key itself."""


@dataclass(frozen=True)
class Kept:
    """What the database says of its keys. `used`: something in it needs the key that it had."""

    wrapped: tuple[tuple[int, str, bool, bytes], ...] = ()
    argon: Argon | None = None
    used: bool = False


@dataclass(frozen=True)
class Keyring:
    """The keys, unwrapped. `unfinished`: rows may still be sealed under an older one."""

    vault: Vault
    matrix: bytes
    unfinished: bool


def wrapping(id: int, purpose: str) -> str:
    """The name under which a data key is wrapped."""
    return f"data key {id} {purpose}"


def read(connection: sa.Connection) -> Kept:
    """Look, without a key."""
    tables = set(sa.inspect(connection).get_table_names())
    if "facts" not in tables:
        return Kept()
    argon = connection.execute(
        sa.select(facts.c.value).where(facts.c.name == ARGON)
    ).scalar_one_or_none()
    names = connection.execute(sa.select(facts.c.name)).scalars().all()
    wrapped: tuple[tuple[int, str, bool, bytes], ...] = ()
    if "data_keys" in tables:
        keys = data_keys.c
        found = connection.execute(
            sa.select(keys.id, keys.purpose, keys.current, keys.wrapped).order_by(keys.id)
        )
        wrapped = tuple((id, purpose, bool(c), bytes(w)) for id, purpose, c, w in found)
    return Kept(
        wrapped,
        Argon.from_bytes(argon) if argon is not None else None,
        bool(wrapped) or any(name.startswith(LEGACY) for name in names),
    )


async def unlock(kept: Kept, source: KeySource) -> tuple[MasterKey, Argon | None]:
    """The master key from where it comes from, and what makes it of a passphrase.

    Raises `KeyFileError`; what opens nothing here is refused by `unwrapped`.
    """
    argon = kept.argon
    if argon is not None and not source.passphrase:
        raise KeyFileError(
            "keys: this database opens with a passphrase: set passphrase = true in [keys]"
        )
    if argon is None and source.passphrase and not kept.used:
        argon = Argon.fresh()
    return await source.master(argon, fresh=not kept.used), argon


def unwrapped(kept: Kept, master: MasterKey) -> Keyring:
    """The keys of a database that has some. Raises `WrongKey`."""
    keys = {
        id: (purpose, master.unwrap(wrapped, wrapping(id, purpose)))
        for id, purpose, _, wrapped in kept.wrapped
    }
    rows = {id: secret for id, (purpose, secret) in keys.items() if purpose == ROWS}
    current = next(id for id, purpose, now, _ in kept.wrapped if purpose == ROWS and now)
    matrix = next(secret for purpose, secret in keys.values() if purpose == MATRIX)
    return Keyring(Vault(rows, current), matrix, len(rows) > 1)


def fresh(matrix: bytes | None = None) -> Keyring:
    """New keys, for a database that has none. `matrix` where a crypto store exists already."""
    rows = {1: secrets.token_bytes(KEY_BYTES)}
    return Keyring(Vault(rows, 1), matrix or secrets.token_bytes(KEY_BYTES), unfinished=False)


def save(
    connection: sa.Connection, ring: Keyring, master: MasterKey, argon: Argon | None
) -> None:
    """Keep fresh keys, wrapped."""
    now = datetime.now(UTC)
    for id, purpose, secret in ((1, ROWS, ring.vault.secret(1)), (2, MATRIX, ring.matrix)):
        connection.execute(
            sa.insert(data_keys).values(
                id=id, purpose=purpose, current=True, created_at=now,
                wrapped=master.wrap(secret, wrapping(id, purpose)),
            )
        )  # fmt: skip
    if argon is not None:
        connection.execute(
            sa.insert(facts).values(name=ARGON, value=argon.to_bytes(), sealed=False)
        )


def rewrap(
    connection: sa.Connection, kept: Kept, old: MasterKey, new: MasterKey, argon: Argon | None
) -> None:
    """The same keys under another master key; `argon` if that one comes from a passphrase."""
    for id, purpose, _, wrapped in kept.wrapped:
        name = wrapping(id, purpose)
        connection.execute(
            sa.update(data_keys)
            .where(data_keys.c.id == id)
            .values(wrapped=new.wrap(old.unwrap(wrapped, name), name))
        )
    connection.execute(sa.delete(facts).where(facts.c.name == ARGON))
    if argon is not None:
        connection.execute(
            sa.insert(facts).values(name=ARGON, value=argon.to_bytes(), sealed=False)
        )


def add(connection: sa.Connection, kept: Kept, master: MasterKey) -> None:
    """Another key for the rows, current from now on: a rotation begins."""
    id = max(id for id, *_ in kept.wrapped) + 1
    connection.execute(
        sa.update(data_keys).where(data_keys.c.purpose == ROWS).values(current=False)
    )
    connection.execute(
        sa.insert(data_keys).values(
            id=id, purpose=ROWS, current=True, created_at=datetime.now(UTC),
            wrapped=master.wrap(secrets.token_bytes(KEY_BYTES), wrapping(id, ROWS)),
        )
    )  # fmt: skip


def drop_old(connection: sa.Connection) -> None:
    """Nothing is sealed under the older keys any more: the rotation is over."""
    connection.execute(
        sa.delete(data_keys).where(data_keys.c.purpose == ROWS, ~data_keys.c.current)
    )
