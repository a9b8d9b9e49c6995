"""what names anybody is sealed, with blind indexes to find it by"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BATCH = 500

# Table → its key, its confidential columns (True: may be NULL), its blind indexes by what they are of.
SEALED: dict[str, tuple[str, dict[str, tuple[str, bool]], dict[str, str]]] = {
    "inbox": (
        "id",
        {"event_id": ("text", False), "chat": ("text", False), "raw": ("json", False)},
        {"event_key": "event_id"},
    ),
    "outbox": (
        "seq",
        {"chat": ("text", False), "body": ("json", False), "message_id": ("text", True)},
        {"chat_key": "chat", "message_key": "message_id"},
    ),
    "groups": (
        "id",
        {"name": ("text", False), "organisation": ("text", False), "plan": ("json", True)},
        {"name_key": "name"},
    ),
    "members": ("id", {"name": ("text", False), "plan": ("json", True)}, {"name_key": "name"}),
    "accounts": (
        "id",
        {"address": ("text", False), "chat": ("text", False)},
        {"address_key": "address", "chat_key": "chat"},
    ),
    "prompts": (
        "id",
        {"chat": ("text", False), "options": ("json", False), "text": ("json", False)},
        {"chat_key": "chat"},
    ),
    "schedules": ("id", {"rule": ("json", False)}, {}),
    "incidents": ("id", {"plan": ("json", False)}, {}),
    "incident_events": ("id", {"details": ("json", False)}, {}),
    "destinations": (
        "id",
        {"chat": ("text", False), "title": ("text", False)},
        {"chat_key": "chat"},
    ),
    "denunciations": (
        "id",
        {"title": ("text", False), "text": ("text", False), "approved_hash": ("text", False)},
        {},
    ),
}
GONE = {
    "inbox": ["uq_inbox_platform_event_id"],
    "groups": ["uq_groups_name"],
    "members": ["uq_members_group_id_name_key"],
    "accounts": ["uq_accounts_platform_address"],
    "destinations": ["uq_destinations_platform_chat"],
}
GONE_INDEXES = {
    "accounts": ["ix_accounts_platform_chat"],
    "prompts": ["ix_prompts_platform_chat_closed_at"],
}
UNIQUE = {
    "inbox": ["platform", "event_key"],
    "groups": ["name_key"],
    "members": ["group_id", "name_key"],
    "accounts": ["platform", "address_key"],
    "destinations": ["platform", "chat_key"],
}
INDEXES = {
    "outbox": [["message_key"]],
    "accounts": [["platform", "chat_key"]],
    "prompts": [["platform", "chat_key", "closed_at"], ["outbox_key"]],
}


def upgrade() -> None:
    vault = context.config.attributes["ring"].vault
    op.create_table(
        "data_keys",
        sa.Column("id", ROW, autoincrement=False, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_keys")),
        comment="what seals the rows, wrapped by the master key; several while a rotation runs",
    )
    op.add_column(
        "facts", sa.Column("sealed", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    moved = _seal_facts(vault)
    _operators()
    for table in SEALED:
        moved |= _seal_table(vault, table)
    moved |= _seal_dialogs(vault)
    if moved:
        op.get_bind().execute(
            sa.text("INSERT INTO facts (name, value) VALUES ('erase', :one)"), {"one": b"1"}
        )


def _seal_table(vault: Any, table: str) -> bool:
    key, columns, blind = SEALED[table]
    for name in columns:
        op.add_column(table, sa.Column(f"{name}_new", sa.LargeBinary(), nullable=True))
    for name in blind:
        op.add_column(table, sa.Column(f"{name}_new", sa.LargeBinary(), nullable=True))
    moved = _fill(vault, table)
    for name in GONE_INDEXES.get(table, []):
        op.drop_index(name, table)
    with op.batch_alter_table(table) as batch:
        for name in GONE.get(table, []):
            batch.drop_constraint(name, type_="unique")
        for name in columns:
            batch.drop_column(name)
        if table == "members":
            batch.drop_column("name_key")
    with op.batch_alter_table(table) as batch:
        for name in columns:
            batch.alter_column(f"{name}_new", new_column_name=name, nullable=columns[name][1])
        for name, of in blind.items():
            batch.alter_column(f"{name}_new", new_column_name=name, nullable=columns[of][1])
    if table in UNIQUE:
        with op.batch_alter_table(table) as batch:
            batch.create_unique_constraint(f"uq_{table}_{'_'.join(UNIQUE[table])}", UNIQUE[table])
    for index in INDEXES.get(table, []):
        op.create_index(f"ix_{table}_{'_'.join(index)}", table, index)
    return moved


def _fill(vault: Any, table: str) -> bool:
    key, columns, blind = SEALED[table]
    more = ["group_id"] if table == "members" else []
    kinds = {"json": sa.JSON(), "text": sa.Text()}
    typed = [sa.column(name, kinds[kind]) for name, (kind, _) in columns.items()]
    there = sa.table(
        table, sa.column(key, sa.BigInteger()), *typed, *(sa.column(m, ROW) for m in more)
    )
    new = sa.table(
        table,
        sa.column(key, sa.BigInteger()),
        *(sa.column(f"{name}_new", sa.LargeBinary()) for name in (*columns, *blind)),
    )
    values = {f"{name}_new": sa.bindparam(f"v_{name}") for name in (*columns, *blind)}
    update = sa.update(new).where(new.c[key] == sa.bindparam("v_key")).values(values)
    last, moved = 0, False
    while True:
        rows = (
            op.get_bind()
            .execute(sa.select(there).where(there.c[key] > last).order_by(there.c[key]).limit(BATCH))
            .mappings()
            .all()
        )
        if not rows:
            return moved
        changes = []
        for row in rows:
            change: dict[str, Any] = {"v_key": row[key]}
            for name, (kind, null) in columns.items():
                value = row[name]
                absent = value is None or (null and value == "")
                plain = _plain(value, kind) if not absent else b""
                change[f"v_{name}"] = (
                    None if absent else vault.seal(plain, table, name, row[key])
                )
            for name, of in blind.items():
                value = row[of]
                if table == "members":
                    value = f"{row['group_id']}\0{_form(value)}"
                empty = columns[of][1] and not value
                change[f"v_{name}"] = None if empty else vault.index(table, name, value)
            changes.append(change)
        op.get_bind().execute(update, changes)
        last, moved = rows[-1][key], True


def _seal_dialogs(vault: Any) -> bool:
    """Its primary key was the chat itself: made anew."""
    bind = op.get_bind()
    names = ("platform", "chat", "topic", "step", "data", "expires_at")
    old = sa.table(
        "dialogs", *(sa.column(n, sa.JSON() if n == "data" else sa.Text()) for n in names[:-1]),
        sa.column("expires_at", sa.BigInteger()),
    )  # fmt: skip
    rows = bind.execute(sa.select(old)).mappings().all()
    op.drop_table("dialogs")
    new = op.create_table(
        "dialogs",
        sa.Column("id", ROW, autoincrement=True, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("chat", sa.LargeBinary(), nullable=False),
        sa.Column("chat_key", sa.LargeBinary(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dialogs")),
        sa.UniqueConstraint("platform", "chat_key", name=op.f("uq_dialogs_platform_chat_key")),
    )
    for number, row in enumerate(rows, 1):
        bind.execute(
            sa.insert(new).values(
                id=number, platform=row["platform"], topic=row["topic"], step=row["step"],
                expires_at=row["expires_at"],
                chat=vault.seal(_plain(row["chat"], "text"), "dialogs", "chat", number),
                chat_key=vault.index("dialogs", "chat_key", row["chat"]),
                data=vault.seal(_plain(row["data"], "json"), "dialogs", "data", number),
            )
        )  # fmt: skip
    if rows and bind.dialect.name == "postgresql":
        bind.execute(sa.text("SELECT setval('dialogs_id_seq', :last)"), {"last": len(rows)})
    return bool(rows)


def _seal_facts(vault: Any) -> bool:
    """The secrets of the Matrix account were sealed under the master key itself."""
    bind = op.get_bind()
    rows = bind.execute(sa.text("SELECT name, value FROM facts WHERE name LIKE 'matrix.%'")).all()
    for name, value in rows:
        plain = context.config.attributes["master"].unwrap(bytes(value), f"facts.{name}")
        bind.execute(
            sa.text("UPDATE facts SET value = :value, sealed = :yes WHERE name = :name"),
            {"value": vault.seal(plain, "facts", "value", name), "yes": True, "name": name},
        )
    return bool(rows)


def _operators() -> None:
    """Whether an account is the canary's reader could be seen in its address."""
    op.add_column(
        "accounts", sa.Column("operator", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute("UPDATE accounts SET operator = true WHERE address LIKE 'operator:%'")


def _plain(value: Any, kind: str) -> bytes:
    if kind == "json":
        return json.dumps(value, separators=(",", ":")).encode()
    return str(value).encode("utf-8", "surrogatepass")


def _form(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())
