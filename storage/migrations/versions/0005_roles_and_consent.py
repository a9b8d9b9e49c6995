"""two people's decisions, the log of them, consent to plans, who let whom in, names that look alike"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from bot.domain.names import looks

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BATCH = 500
ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _decisions()
    _log()
    _erasures()
    _guesses()
    op.add_column("prompts", sa.Column("member", ROW, nullable=True))
    op.add_column("invitations", sa.Column("made_by", ROW, nullable=True))
    op.add_column("invitations", sa.Column("revoked_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_invitations_group_id", "invitations", ["group_id"])
    for name in ("agreed_at", "asked_at", "withdrawn_at"):
        op.add_column("members", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column("members", sa.Column("invited_by", ROW, nullable=True))
    op.add_column("members", sa.Column("look_key", sa.LargeBinary(), nullable=True))
    _members(context.config.attributes["ring"].vault)
    with op.batch_alter_table("members") as batch:
        batch.alter_column("look_key", existing_type=sa.LargeBinary(), nullable=False)
    op.create_index("ix_members_look_key", "members", ["look_key"])
    op.add_column("inbox", sa.Column("chat_key", sa.LargeBinary(), nullable=True))
    _inbox(context.config.attributes["ring"].vault)
    with op.batch_alter_table("inbox") as batch:
        batch.alter_column("chat_key", existing_type=sa.LargeBinary(), nullable=False)
    op.create_index("ix_inbox_chat_key", "inbox", ["chat_key"])


def _inbox(vault: Any) -> None:
    """What somebody wrote can be found by its chat: to be shown to them, and to be erased."""
    bind = op.get_bind()
    inbox = sa.table(
        "inbox", sa.column("id", sa.BigInteger()), sa.column("chat", sa.LargeBinary()),
        sa.column("chat_key", sa.LargeBinary()),
    )  # fmt: skip
    update = (
        sa.update(inbox)
        .where(inbox.c.id == sa.bindparam("v_id"))
        .values(chat_key=sa.bindparam("v_key"))
    )
    last = 0
    while rows := bind.execute(
        sa.select(inbox.c.id, inbox.c.chat).where(inbox.c.id > last).order_by(inbox.c.id).limit(BATCH)
    ).all():
        chats = [
            (id, vault.open(bytes(chat), "inbox", "chat", id).decode("utf-8", "surrogatepass"))
            for id, chat in rows
        ]
        bind.execute(
            update,
            [{"v_id": id, "v_key": vault.index("inbox", "chat_key", chat)} for id, chat in chats],
        )
        last = rows[-1][0]


def _members(vault: Any) -> None:
    """Their names' looks; and the plan that they lived under is the one that they have agreed to.

    Until now an alarm about somebody followed their own plan, else the group's: whoever is in a
    group goes on being looked after as they were, and is asked at the next change.
    """
    bind = op.get_bind()
    groups = sa.table("groups", sa.column("id", ROW), sa.column("plan", sa.LargeBinary()))
    members = sa.table(
        "members", sa.column("id", ROW), sa.column("group_id", ROW),
        sa.column("name", sa.LargeBinary()), sa.column("plan", sa.LargeBinary()),
        sa.column("look_key", sa.LargeBinary()),
    )  # fmt: skip
    plans = {
        id: vault.open(bytes(plan), "groups", "plan", id)
        for id, plan in bind.execute(sa.select(groups.c.id, groups.c.plan)).all()
        if plan is not None
    }
    assert all(json.loads(plan) for plan in plans.values())
    rows = bind.execute(
        sa.select(members.c.id, members.c.group_id, members.c.name, members.c.plan)
    ).all()
    for id, group, name, plan in rows:
        shown = vault.open(bytes(name), "members", "name", id).decode("utf-8", "surrogatepass")
        values: dict[str, Any] = {
            "look_key": vault.index("members", "look_key", f"{group}\0{looks(shown)}")
        }
        if plan is None and group in plans:
            values["plan"] = vault.seal(plans[group], "members", "plan", id)
        bind.execute(sa.update(members).where(members.c.id == id).values(values))


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", ROW, autoincrement=True, nullable=False),
        sa.Column("group_id", ROW, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", ROW, nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("asked_by", ROW, nullable=False),
        sa.Column("operators", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("second", ROW, nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_decisions_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    op.create_index("ix_decisions_group_id_state", "decisions", ["group_id", "state"])


def _log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", ROW, autoincrement=True, nullable=False),
        sa.Column("group_id", ROW, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", ROW, nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("about", ROW, nullable=True),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_audit_log_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        comment="every privileged act, by the numbers of the members; kept for a year",
    )
    op.create_index("ix_audit_log_group_id_id", "audit_log", ["group_id", "id"])


def _erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", ROW, autoincrement=True, nullable=False),
        sa.Column("group_id", ROW, nullable=False),
        sa.Column("member", ROW, nullable=False),
        sa.Column("traces", sa.LargeBinary(), nullable=False),
        sa.Column("done", sa.JSON(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_erasures_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
        sa.UniqueConstraint("member", name=op.f("uq_erasures_member")),
        comment="people who are being erased: what to look for until nothing of it is left",
    )


def _guesses() -> None:
    op.create_table(
        "guesses",
        sa.Column("id", ROW, autoincrement=True, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("address_key", sa.LargeBinary(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guesses")),
        sa.UniqueConstraint("platform", "address_key", name=op.f("uq_guesses_platform_address_key")),
        comment="how often an account showed an invitation that is none, within an hour",
    )
