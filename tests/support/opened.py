"""Opening a sealed database without the program: what a proof reads must not come through what it
proves.

Written from docs/en/security.md alone: `sqlite3`, AES-256-GCM and HKDF.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import sqlite3
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY = bytes(range(32))
"""The master key of databases that a test makes without a key file."""

NOT_ROWS = ("data_keys", "facts")


def connect(database: Path, key: bytes) -> sqlite3.Connection:
    """Read-only; a SELECT sees every table with its sealed columns opened, as a view of its name."""
    return _shown(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5), key)


def copied(url: str, key: bytes) -> sqlite3.Connection:
    """The same for a PostgreSQL, as it is now: its tables are copied first."""
    import psycopg2

    copy = sqlite3.connect(":memory:")
    with contextlib.closing(psycopg2.connect(url)) as server, server.cursor() as cursor:
        server.set_session(isolation_level="REPEATABLE READ", readonly=True)
        cursor.execute(
            "SELECT c.table_name, c.column_name, c.data_type, k.column_name IS NOT NULL"
            " FROM information_schema.columns c"
            " LEFT JOIN information_schema.table_constraints t ON t.table_name = c.table_name"
            "  AND t.constraint_type = 'PRIMARY KEY'"
            " LEFT JOIN information_schema.key_column_usage k ON k.column_name = c.column_name"
            "  AND k.constraint_name = t.constraint_name"
            " WHERE c.table_schema = 'public' ORDER BY c.table_name, c.ordinal_position"
        )
        tables: dict[str, list[tuple[str, str, bool]]] = {}
        for table, column, kind, primary in cursor.fetchall():
            tables.setdefault(table, []).append((column, kind, primary))
        for table, columns in tables.items():
            made = [f"{name} {'BLOB' if kind == 'bytea' else ''}" for name, kind, _ in columns]
            keys = ", ".join(name for name, _, primary in columns if primary)
            copy.execute(f"CREATE TABLE {table} ({', '.join(made)}, PRIMARY KEY ({keys}))")
            cursor.execute(f"SELECT * FROM {table}")
            rows = [tuple(map(_plain, row)) for row in cursor.fetchall()]
            marks = ", ".join("?" * len(columns))
            copy.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    return _shown(copy, key)


def _plain(value: object) -> object:
    if isinstance(value, memoryview):
        return bytes(value)
    return json.dumps(value) if isinstance(value, dict | list) else value


def _shown(connection: sqlite3.Connection, key: bytes) -> sqlite3.Connection:
    seals = {}
    for id, wrapped in connection.execute("SELECT id, wrapped FROM data_keys WHERE purpose = 'rows'"):
        name = f"data key {id} rows".encode()
        secret = AESGCM(key).decrypt(wrapped[:12], wrapped[12:], name)
        seals[id] = AESGCM(_hkdf(secret, b"acuerpa.rows.seal"))

    def opened(table: str, column: str, row: int | str, envelope: bytes | None) -> str | None:
        if envelope is None:
            return None
        head, nonce, sealed = envelope[:5], envelope[5:17], envelope[17:]
        assert head[0] == 1
        place = head + f"{table}\0{column}\0{row}".encode()
        plain = seals[int.from_bytes(head[1:], "big")].decrypt(nonce, sealed, place)
        return plain.decode(errors="replace")  # a picture is no text

    connection.create_function("opened", 4, opened, deterministic=True)
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        columns = connection.execute(f"PRAGMA main.table_info('{table}')").fetchall()
        if table in NOT_ROWS or not any(_is_sealed(name, kind) for _, name, kind, *_ in columns):
            continue
        (key,) = [name for _, name, _, _, _, primary in columns if primary]
        shown = [
            f"opened('{table}', '{name}', {key}, {name}) AS {name}" if _is_sealed(name, kind) else name
            for _, name, kind, *_ in columns
        ]
        # A temporary view comes before the table of the same name.
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT {', '.join(shown)} FROM main.{table}")
    return connection


def _is_sealed(name: str, kind: str) -> bool:
    return kind == "BLOB" and not name.endswith("_key")


def _hkdf(key: bytes, purpose: bytes) -> bytes:
    """RFC 5869 with SHA-256, no salt, 32 bytes."""
    drawn = hmac.digest(bytes(hashlib.sha256().digest_size), key, "sha256")
    return hmac.digest(drawn, purpose + b"\x01", "sha256")
