"""Statements that are made once, run without SQLAlchemy's bookkeeping (docs/en/performance.md).

SQLAlchemy takes ten times as long to run a statement as SQLite does. It still makes and compiles every
one; of one that comes again it is kept here what there is to do each time: values into their places,
and rows out of what is found.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import sqlite
from storage.sqlite import Slow, driver_of, link_of, only_reads

ROWS = 50
"""Rows at most that are written at once in the event loop."""

AWAY = 250
"""Rows that are written at once in the thread, before others have their turn."""

_KEPT = 2_000
"""Plans that are kept, before all are made anew."""

Plain = tuple[Any, ...]
Process = Callable[[Any], Any]


class Found:
    """What a statement found, or how many rows it changed: of SQLAlchemy's `Result` what is used."""

    __slots__ = ("_make", "plain", "rowcount")

    def __init__(self, make: Callable[..., Any], plain: list[Plain], rowcount: int) -> None:
        self._make = make
        self.plain = plain
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self.all())

    def all(self) -> list[Any]:
        """The rows, as named tuples."""
        make = self._make
        return [make(*row) for row in self.plain]

    def first(self) -> Any | None:
        """The first row, or None."""
        return self._make(*self.plain[0]) if self.plain else None

    def one_or_none(self) -> Any | None:
        """The only row, or None."""
        if len(self.plain) > 1:
            raise sa.exc.MultipleResultsFound
        return self.first()

    def scalars(self) -> Scalars:
        """The first of each row."""
        return Scalars([row[0] for row in self.plain])

    def scalar_one_or_none(self) -> Any | None:
        """The first of the only row, or None."""
        return self.scalars().one_or_none()

    def scalar_one(self) -> Any:
        """The first of the only row."""
        if not self.plain:
            raise sa.exc.NoResultFound
        return self.scalar_one_or_none()


class Scalars(list[Any]):
    """One value of each row."""

    def all(self) -> list[Any]:
        """All of them."""
        return list(self)

    def first(self) -> Any | None:
        """The first, or None."""
        return self[0] if self else None

    def one_or_none(self) -> Any | None:
        """The only one, or None."""
        if len(self) > 1:
            raise sa.exc.MultipleResultsFound
        return self.first()


def named(columns: Sequence[Any]) -> Callable[..., Any]:
    """What makes a row of its values, under the names of the columns."""
    names = [getattr(c, "name", None) or f"_{i}" for i, c in enumerate(columns)]
    return namedtuple("Row", names, rename=True)


class Plan:
    """What there is to do each time that a statement is run.

    Args:
        first: How it was run for the first time.
    """

    def __init__(self, statement: Any, first: Any, dialect: sa.Dialect) -> None:
        compiled = first.compiled
        self.sql = str(compiled)
        self.reads = only_reads(self.sql)
        self.unknown = 0 if self.reads else 1
        """How often it goes to the thread where nothing is known of it."""
        self._same: list[Any] = []
        self._given: list[tuple[int, str, Process | None]] = []
        self._made: list[tuple[int, Callable[[Any], Any], Process | None]] = []
        made = {column.key: column.default for column in getattr(compiled, "insert_prefetch", ())}
        for name in compiled.positiontup:
            bind = compiled.binds[name]
            self._place(bind, made.get(name), first.values[name], bind.key in first.names, dialect)
        self.gives = _asks(statement)
        columns = tuple(statement.exported_columns) if self.gives else ()
        self.make = named(columns)
        opened = [c.type.dialect_impl(dialect).result_processor(dialect, None) for c in columns]
        self._opens = [(place, how) for place, how in enumerate(opened) if how is not None]

    def _place(
        self, bind: Any, default: Any, value: Any, given: bool, dialect: sa.Dialect
    ) -> None:
        """Where a value comes from: what is given, what makes itself, what is written there."""
        at = len(self._same)
        how = bind.type.dialect_impl(dialect).bind_processor(dialect)
        self._same.append(None)
        if given:
            self._given.append((at, bind.key, how))
        elif default is not None and default.is_callable:
            self._made.append((at, default.arg, how))
        else:
            self._same[at] = value if how is None else how(value)

    def parameters(self, values: Mapping[str, Any]) -> list[Any]:
        """In their places."""
        parameters = self._same.copy()
        for at, name, how in self._given:
            value = values[name]
            parameters[at] = value if how is None else how(value)
        for at, make, how in self._made:
            value = make(None)
            parameters[at] = value if how is None else how(value)
        return parameters

    def opened(self, rows: list[Plain]) -> list[Plain]:
        """The rows as the program has them."""
        if not self._opens:
            return rows
        return [self._opened(row) for row in rows]

    def _opened(self, row: Plain) -> Plain:
        values = list(row)
        for place, how in self._opens:
            values[place] = how(values[place])
        return tuple(values)


@dataclass(frozen=True, slots=True)
class _First:
    """How SQLAlchemy ran a statement: compiled, with these values, some of them given."""

    compiled: Any
    values: Mapping[str, Any]
    names: frozenset[str]


_seen: WeakKeyDictionary[Any, _First] = WeakKeyDictionary()
_plans: dict[Any, Plan | None] = {}


def _plan(statement: Any, values: Mapping[str, Any], dialect: sa.Dialect) -> Plan | None:
    """How it is run; None for one that is new, or that SQLAlchemy must put together each time."""
    key = (statement, tuple(values)) if statement.is_dml else statement
    try:
        return _plans[key]
    except KeyError:
        pass
    first = _seen.get(statement)
    if first is None or first.names != values.keys():
        return None
    compiled = first.compiled
    lists = compiled.post_compile_params or compiled.literal_execute_params
    fits = not lists and (_asks(statement) or not compiled.effective_returning)
    if len(_plans) >= _KEPT:
        _plans.clear()
    _plans[key] = Plan(statement, first, dialect) if fits else None
    return _plans[key]


def _asks(statement: Any) -> bool:
    """Whether it gives rows."""
    return not statement.is_dml or bool(statement._returning)


def _note(statement: Any, values: Mapping[str, Any], found: Any) -> None:
    """It was run for the first time, or with other values than before."""
    context = found.context
    if context.compiled is not None and not isinstance(statement, sa.TextClause):
        _seen[statement] = _First(
            context.compiled, context.compiled_parameters[0], frozenset(values)
        )


class Quick:
    """What the repositories use of an `AsyncConnection` to SQLite, at once where that is quick.

    Args:
        waits: The connection for what is not.
    """

    def __init__(self, waits: AsyncConnection) -> None:
        self._waits = waits
        self._link = link_of(waits)
        self._driver = driver_of(waits)
        self._at_once = self._link.in_loop
        self._cursor = sqlite3.Cursor(self._link)
        # Whoever wants to see each statement sees those that wait.
        self._events = waits.engine.sync_engine.dispatch
        self.dialect = self._at_once.dialect

    def __getattr__(self, name: str) -> Any:
        return getattr(self._waits, name)

    async def execute(self, statement: Any, values: Any = None) -> Any:
        """See `AsyncConnection.execute`."""
        many = isinstance(values, list)
        if self._events.before_cursor_execute:
            return await self._waits.execute(statement, values)
        first: Mapping[str, Any] = values[0] if many else values or {}
        plan = _plan(statement, first, self.dialect)
        if plan is not None and (not many or all(one.keys() == first.keys() for one in values)):
            if many and len(values) > ROWS:
                return await self._run_away(plan, values)
            try:
                return self._run(plan, values if many else first)
            except Slow:
                return await self._waits.execute(statement, values)
        found = await self._by_sqlalchemy(statement, values)
        _note(statement, first, found)
        return found

    async def _by_sqlalchemy(self, statement: Any, values: Any) -> Any:
        if isinstance(values, list) and len(values) > ROWS:
            return await self._waits.execute(statement, values)
        try:
            return self._at_once.execute(statement, values)
        except Slow:
            return await self._waits.execute(statement, values)

    def _run(self, plan: Plan, values: Mapping[str, Any] | list[Mapping[str, Any]]) -> Found:
        """As `storage.sqlite.Cursor.at_once` does it, in few steps: most work goes through here."""
        link, cursor, sql = self._link, self._cursor, plan.sql
        if link.known.get(sql, plan.unknown):
            raise Slow
        try:
            began = perf_counter()
            if plan.reads:
                link.until = began + sqlite.LONG
            if isinstance(values, list):
                cursor.executemany(sql, [plan.parameters(one) for one in values])
            else:
                cursor.execute(sql, plan.parameters(values))
            rows = cursor.fetchall() if plan.gives else []
            if perf_counter() - began > sqlite.LONG:
                link.learn(sql, 1)
            return Found(plan.make, plan.opened(rows), cursor.rowcount)
        except (sqlite3.Error, TypeError, ValueError) as error:
            if plan.reads and getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
                link.learn(sql, 1)
                raise Slow from None
            raise self._told(sql, error) from error
        finally:
            link.until = None

    async def _run_away(self, plan: Plan, values: Sequence[Mapping[str, Any]]) -> Found:
        """Many rows to write, in the thread and by parts: others have their turn meanwhile."""
        changed = 0
        for start in range(0, len(values), AWAY):
            parameters = [plan.parameters(one) for one in values[start : start + AWAY]]
            changed += await self._write_away(plan.sql, parameters)
        return Found(plan.make, [], changed)

    async def _write_away(self, sql: str, parameters: Sequence[Sequence[Any]]) -> int:
        """How many rows were changed."""
        try:
            cursor = await self._driver.executemany(sql, parameters)
        except sqlite3.Error as error:
            raise self._told(sql, error) from error
        return int(cursor.rowcount)

    def _told(self, sql: str, error: Exception) -> Exception:
        """An error of the driver's as SQLAlchemy tells it, without a value."""
        told: Exception = sa.exc.DBAPIError.instance(
            sql, None, error, sqlite3.Error, hide_parameters=True, dialect=self.dialect
        )
        return told
