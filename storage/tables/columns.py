"""Of what the tables are made: kinds of columns, and where all tables stand together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from storage.rows import Blind, Sealed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime as a big integer of microseconds."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To microseconds; a naive datetime is refused, it would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Back to UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=int(value))


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A row's number; SQLite counts only columns that are INTEGER."""


def number() -> sa.Column[int]:
    """The number of a row, by which it is named."""
    return sa.Column("id", ROW, primary_key=True, autoincrement=True)


def reference(name: str, to: str, *, null: bool = False) -> sa.Column[int]:
    """The number of a row of another table; gone with it."""
    return sa.Column(name, ROW, sa.ForeignKey(f"{to}.id", ondelete="CASCADE"), nullable=null)


def text(name: str, default: str | None = None, *, null: bool = False) -> sa.Column[str]:
    """Words of ours, in clear."""
    return sa.Column(name, sa.Text, nullable=null, default=default)


def instant(name: str, *, null: bool = False) -> sa.Column[datetime]:
    """An instant."""
    return sa.Column(name, Instant, nullable=null)


def json(name: str, *, null: bool = False) -> sa.Column[Any]:
    """What may be kept in clear."""
    return sa.Column(name, sa.JSON, nullable=null)


def sealed(name: str, *, null: bool = False) -> sa.Column[Any]:
    """A text that is kept sealed."""
    return sa.Column(name, Sealed("text"), nullable=null)


def sealed_json(name: str, *, null: bool = False) -> sa.Column[Any]:
    """The same for values."""
    return sa.Column(name, Sealed("json"), nullable=null)


def blind(name: str, kind: Blind, *, null: bool = False) -> sa.Column[Any]:
    """By which a sealed column is searched."""
    return sa.Column(name, kind, nullable=null)
