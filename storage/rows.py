"""Reading and writing rows whose confidential columns are sealed.

A repository never sees an envelope: it says what a column holds, and `Rows` seals on the way in and
opens on the way out. A column of type `Sealed` takes nothing but an envelope, so that a statement
which goes around `Rows` fails and writes nothing in clear.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeDecorator

from storage.quick import Found, named
from storage.vault import Vault


class Envelope(bytes):
    """Bytes that `Rows` has sealed."""


class Sealed(TypeDecorator[bytes]):
    """A confidential column: a text, JSON, or bytes."""

    impl = sa.LargeBinary
    cache_ok = True

    def __init__(self, kind: str = "text") -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> bytes | None:
        """Only what was sealed gets through."""
        if value is None or isinstance(value, Envelope):
            return value
        raise TypeError("a sealed column takes an envelope: write it through Rows")


class Blind(TypeDecorator[bytes]):
    """The blind index of a sealed column of the same row.

    Args:
        of: The sealed column.
        scope: A clear column within which values are compared, if not in the whole table.
        form: The form in which two values are the same.
    """

    impl = sa.LargeBinary
    cache_ok = True

    def __init__(
        self, of: str, scope: str | None = None, form: Callable[[str], str] = str
    ) -> None:
        super().__init__()
        self.of = of
        self.scope = scope
        self.form = form


def rows_at_once(table: sa.Table) -> int:
    """How many rows of a table are held in memory by whoever goes through all: few of documents."""
    holds_files = any(isinstance(c.type, Sealed) and c.type.kind == "bytes" for c in table.columns)
    return 2 if holds_files else 500


def param(name: str) -> sa.BindParameter[Any]:
    """A value that a statement which is made once is given each time. No column's name will do."""
    return sa.bindparam(name)


def among(column: sa.ColumnElement[Any], constants: Iterable[str]) -> sa.ColumnElement[bool]:
    """Whether it is one of these words of ours, for a statement that is made once: a list of
    parameters would be put together anew each time that it runs."""
    return column.in_([sa.literal_column(f"'{constant}'") for constant in sorted(constants)])


MANY = 32
"""Values that a statement made once is given at once where it asks for many."""


def of_many(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether it is one of the values that `some` gives, for a statement that is made once."""
    return column.in_([param(f"many{n}") for n in range(MANY)])


def some(values: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """These values, as many at once as `of_many` takes; the last one again where there are fewer."""
    for start in range(0, len(values), MANY):
        part = values[start : start + MANY]
        yield {f"many{n}": part[min(n, len(part) - 1)] for n in range(MANY)}


class Query:
    """A statement that gives rows, and how they are named and opened.

    To make one anew for each row that is looked for takes several times as long as to run it.
    """

    __slots__ = ("make", "statement", "to_open")

    def __init__(self, statement: Any) -> None:
        self.statement = statement
        self.make, self.to_open = _plan(tuple(statement.exported_columns))


class Rows:
    """The rows over one connection."""

    def __init__(self, connection: AsyncConnection, vault: Vault) -> None:
        self.connection = self._db = connection
        self._vault = vault
        self._numbers: dict[str, int] = {}
        self.inserted: set[str] = set()
        """The tables that got rows."""

    async def insert(self, table: sa.Table, **values: Any) -> int:
        """One row. Returns its number."""
        (number,) = await self.insert_many(table, [values])
        return number

    async def insert_many(
        self, table: sa.Table, rows: Sequence[Mapping[str, Any]]
    ) -> Sequence[int]:
        """Many rows with the same columns. Returns their numbers."""
        if not rows:
            return ()
        numbers = await self._next(table, len(rows))
        await self.insert_numbered(table, numbers, rows)
        return numbers

    async def insert_numbered(
        self, table: sa.Table, numbers: Sequence[int], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """The same under `numbers` that are theirs already."""
        key = _key(table).name
        sealed = [
            {key: number, **self.sealed(table, number, values)}
            for number, values in zip(numbers, rows, strict=True)
        ]
        await self._db.execute(_insert(table), sealed if len(sealed) > 1 else sealed[0])
        self.inserted.add(table.name)

    async def update(self, table: sa.Table, row: int, **values: Any) -> bool:
        """Change one row by its number. False if there is none."""
        kept = self.sealed(table, row, values)
        changed = await self._db.execute(
            _update(table, tuple(kept)), {_ROW: row, **{_NEW + name: kept[name] for name in kept}}
        )
        return changed.rowcount == 1

    def sealed(self, table: sa.Table, row: int, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values as they are kept in this row, with the blind indexes of what is sealed."""
        kept = dict(values)
        for column, kind in _sealed_columns(table):
            if values.get(column) is not None:
                plain = _encode(values[column], kind)
                kept[column] = Envelope(self._vault.seal(plain, table.name, column, row))
        for name, blind in _blind_columns(table):
            if values.get(blind.of) is not None:
                scope = values[blind.scope] if blind.scope else None
                kept[name] = self.blind(table.c[name], values[blind.of], scope)
            elif blind.of in values:
                kept[name] = None
        return kept

    def opened(self, table: sa.Table, column: str, row: int, envelope: bytes) -> Any:
        """What one envelope of a row holds."""
        kind = table.c[column].type
        assert isinstance(kind, Sealed)
        return _decode(self._vault.open(envelope, table.name, column, row), kind.kind)

    def blind(self, column: sa.Column[Any], value: str, scope: object = None) -> bytes:
        """The blind index by which a value is found in this column."""
        kind = column.type
        assert isinstance(kind, Blind)
        text = kind.form(value)
        if kind.scope:
            text = f"{scope}\0{text}"
        return self._vault.index(column.table.name, column.name, text)

    async def all(self, statement: Any, **values: Any) -> list[Any]:
        """The rows of a SELECT or of a statement that returns, opened, as named tuples.

        `statement` may be a `Query`, which is made once; `values` are those of its parameters.
        Where a sealed column is asked for, the number of its row must be as well.
        """
        query = statement if isinstance(statement, Query) else Query(statement)
        found = await self._db.execute(query.statement, values)
        make, to_open = query.make, query.to_open
        plain = found.plain if isinstance(found, Found) else map(tuple, found)
        if not to_open:
            return [make(*row) for row in plain]
        return [make(*self._opened(row, to_open)) for row in plain]

    async def many(self, query: Query, wanted: Sequence[Any], **values: Any) -> list[Any]:
        """The rows of a query with `of_many` for all of these values."""
        found: list[Any] = []
        for part in some(wanted):
            found += await self.all(query, **part, **values)
        return found

    async def one(self, statement: Any, **values: Any) -> Any | None:
        """The only row, or the first, or None."""
        found = await self.all(statement, **values)
        return found[0] if found else None

    async def one_value(self, statement: Any, **values: Any) -> Any | None:
        """The first column of the first row that is asked for, or None."""
        row = await self.one(statement, **values)
        return None if row is None else row[0]

    def _opened(
        self, row: tuple[Any, ...], to_open: Sequence[tuple[int, int, str, str, str]]
    ) -> list[Any]:
        values = list(row)
        for at, key_at, table, column, kind in to_open:
            if values[at] is not None:
                plain = self._vault.open(bytes(values[at]), table, column, row[key_at])
                values[at] = _decode(plain, kind)
        return values

    async def numbers(self, table: sa.Table, count: int) -> Sequence[int]:
        """Numbers for new rows, which are written with `insert_numbered`."""
        return await self._next(table, count)

    async def _next(self, table: sa.Table, count: int) -> Sequence[int]:
        """Numbers for new rows: known before the row is written, since envelopes are bound to it.

        On SQLite nobody else writes during our transaction; PostgreSQL has a sequence.
        """
        key = _key(table)
        if self._db.dialect.name == "sqlite":
            if table.name not in self._numbers:
                highest = await self._db.execute(_highest(table))
                self._numbers[table.name] = highest.scalar_one() or 0
            first = self._numbers[table.name] + 1
            self._numbers[table.name] += count
            return range(first, first + count)
        sequence = sa.func.pg_get_serial_sequence(table.name, key.name)
        found = await self._db.execute(
            sa.select(sa.func.nextval(sequence)).select_from(
                sa.func.generate_series(1, count).alias()
            )
        )
        return sorted(found.scalars())


_JSON = json.JSONEncoder(separators=(",", ":"))


def _encode(value: Any, kind: str) -> bytes:
    if kind == "json":
        return _JSON.encode(value).encode()
    if kind == "bytes":
        if not isinstance(value, bytes):
            raise TypeError("a sealed column of bytes takes bytes")
        return value
    if not isinstance(value, str):
        raise TypeError("a sealed text column takes a text")
    return value.encode("utf-8", "surrogatepass")


def _decode(plain: bytes, kind: str) -> Any:
    if kind == "bytes":
        return plain
    text = plain.decode("utf-8", "surrogatepass")
    return json.loads(text) if kind == "json" else text


def _key(table: sa.Table) -> sa.Column[int]:
    (column,) = table.primary_key.columns
    return column


def sealed_tables(tables: Iterable[sa.Table]) -> list[sa.Table]:
    """Those that have a sealed column."""
    return [table for table in tables if _sealed_columns(table)]


_ROW, _NEW = "row_is", "new_"
"""Names of parameters that no column has."""


@lru_cache
def _insert(table: sa.Table) -> sa.Insert:
    return sa.insert(table)


@lru_cache
def _highest(table: sa.Table) -> sa.Select[int]:
    return sa.select(sa.func.max(_key(table)))


@lru_cache(256)
def _update(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    changed = {name: param(_NEW + name) for name in names}
    return sa.update(table).where(_key(table) == param(_ROW)).values(changed)


@lru_cache
def _sealed_columns(table: sa.Table) -> tuple[tuple[str, str], ...]:
    return tuple((c.name, c.type.kind) for c in table.columns if isinstance(c.type, Sealed))


@lru_cache
def _blind_columns(table: sa.Table) -> tuple[tuple[str, Blind], ...]:
    return tuple((c.name, c.type) for c in table.columns if isinstance(c.type, Blind))


@lru_cache(1024)
def _plan(
    columns: tuple[sa.ColumnElement[Any], ...],
) -> tuple[Callable[..., Any], list[tuple[int, int, str, str, str]]]:
    """How a row is named, and which of its values are opened with which row's number."""
    keys = {
        c.table.name: i
        for i, c in enumerate(columns)
        if isinstance(c, sa.Column) and c.primary_key and len(c.table.primary_key.columns) == 1
    }
    to_open = []
    for i, column in enumerate(columns):
        if isinstance(column, sa.Column) and isinstance(column.type, Sealed):
            table = column.table.name
            if table not in keys:
                raise TypeError(f"{table}.{column.name} cannot be opened without its row's number")
            to_open.append((i, keys[table], table, column.name, column.type.kind))
    return named(columns), to_open
