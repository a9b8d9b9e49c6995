"""Sealing every row anew under the newest key, in batches, so that a crash costs a batch at most.

While it lasts the database has two keys; `Database.open` goes on with a rotation that was broken
off before anything else, since a blind index finds only what is under the newest key.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.rows import Blind, Envelope, Rows, Sealed, sealed_tables
from storage.tables import facts, metadata
from storage.vault import Vault, key_of

BATCH = 500


async def rotate_batch(
    connection: AsyncConnection, vault: Vault, table: sa.Table, after: int
) -> int | None:
    """Seal the next rows behind number `after`. Returns the last number, None at the end."""
    (key,) = table.primary_key.columns
    sealed = [c for c in table.columns if isinstance(c.type, Sealed)]
    blind = [c for c in table.columns if isinstance(c.type, Blind)]
    scopes = {c.type.scope for c in table.columns if isinstance(c.type, Blind) and c.type.scope}
    raw = [sa.type_coerce(c, sa.LargeBinary).label(c.name) for c in sealed]
    found = (
        await connection.execute(
            sa.select(key, *raw, *(table.c[s] for s in scopes))
            .where(key > after)
            .order_by(key)
            .limit(BATCH)
        )
    ).all()
    if not found:
        return None
    rows = Rows(connection, vault)
    changes = []
    for row in found:
        values = row._mapping
        number = int(values[key.name])
        held = [c.name for c in sealed if values[c.name] is not None]
        if all(key_of(bytes(values[name])) == vault.current for name in held):
            continue
        opened = {name: rows.opened(table, name, number, bytes(values[name])) for name in held}
        scoped = {scope: values[scope] for scope in scopes}
        kept = rows.sealed(table, number, {**opened, **scoped})
        change: dict[str, Any] = {f"_{c.name}": kept.get(c.name) for c in (*sealed, *blind)}
        changes.append({"_row": number, **change})
    if changes:
        new = {c.name: sa.bindparam(f"_{c.name}", type_=c.type) for c in (*sealed, *blind)}
        await connection.execute(
            sa.update(table).where(key == sa.bindparam("_row")).values(new), changes
        )
    return int(found[-1]._mapping[key.name])


async def rotate_facts(connection: AsyncConnection, vault: Vault) -> None:
    """The sealed facts, all at once: they are few."""
    found = await connection.execute(sa.select(facts.c.name, facts.c.value).where(facts.c.sealed))
    for name, envelope in found.all():
        plain = vault.open(bytes(envelope), "facts", "value", name)
        await connection.execute(
            sa.update(facts)
            .where(facts.c.name == name)
            .values(value=Envelope(vault.seal(plain, "facts", "value", name)))
        )


def tables() -> list[sa.Table]:
    """What is to be sealed anew."""
    return sealed_tables(metadata.sorted_tables)
