"""A database of the first version becomes one of this version, and what it held is sealed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.domain.lanes import Lane
from storage.database import Database, _alembic
from storage.keys import KeyInMemory, MasterKey, WrongKey
from storage.sealed_facts import SealedFacts
from storage.tables import metadata
from tests.support.opened import KEY

NOW = datetime(2026, 11, 25, tzinfo=UTC)

SECRETS = (
    "Colibrí", "colibri", "Jacaranda", "77001", "77002", "tecolote", "margarita", "obsidiana",
    "amaranto", "copalera", "huipil-secreto", "nopalera", "cempasúchil", "xoloitz",
)  # fmt: skip
"""Words that stand nowhere else, one for each place of the first version that held something."""

FIRST = (
    "INSERT INTO groups (id, name, organisation, language, zone, incidents, denunciations,"
    " created_at) VALUES (1, 'Jacaranda', 'margarita', 'es', 'UTC', 1, 1, 0)",
    "INSERT INTO members (id, group_id, name, name_key, language, zone, roles, subscribed,"
    " joined_at) VALUES (1, 1, 'Colibrí', 'colibri', 'es', 'UTC', '[]', true, 0)",
    "INSERT INTO accounts (id, member_id, platform, address, chat, reachable, used_at)"
    " VALUES (7, 1, 'telegram', '77001', '77002', true, 0)",
    "INSERT INTO accounts (id, member_id, platform, address, chat, reachable, used_at)"
    " VALUES (8, 1, 'telegram', 'operator:77001', '77002', true, 0)",
    "INSERT INTO prompts (id, token, platform, chat, topic, ref, options, outbox_key, text,"
    " opened_at) VALUES (1, 't', 'telegram', '77002', 'checkin', 1,"
    """ '[[1, "ok", "tecolote", ""]]', 'k', '[["xoloitz", "plain"]]', 0)""",
    "INSERT INTO dialogs (platform, chat, topic, step, data, expires_at)"
    """ VALUES ('telegram', '77002', 'denunciation', 'title', '{"title": "obsidiana"}',"""
    " 4000000000000000)",
    "INSERT INTO incidents (id, group_id, number, subject_id, kind, opened_at, plan, state,"
    """ step, repeats, news_asked, told) VALUES (1, 1, 1, 1, 'miss', 0, '{"steps": [{"after": 0,"""
    """ "who": [["circle", null]]}], "repeat": 600, "news": 600}', 'notifying', 0, 0, false,"""
    " '[]')",
    "INSERT INTO incident_events (id, incident_id, at, event, details)"
    """ VALUES (1, 1, 0, 'news', '{"text": "amaranto"}')""",
    "INSERT INTO denunciations (id, group_id, number, author_id, title, text, state,"
    " approved_hash, progress_key, created_at) VALUES (1, 1, 1, 1, 'copalera', 'huipil-secreto',"
    " 'draft', '', '', 0)",
    "INSERT INTO destinations (id, group_id, platform, chat, chat_kind, title, active)"
    " VALUES (1, 1, 'telegram', '-10077', 'channel', 'nopalera', true)",
    "INSERT INTO inbox (id, platform, event_id, chat, received_at, raw, state, attempts, error)"
    """ VALUES (1, 'telegram', '5', '77002', 0, '{"text": "cempasúchil"}', 'new', 0, '')""",
    "INSERT INTO outbox (seq, key, lane, platform, chat, chat_kind, operation, body, target,"
    " purpose, state, created_at, not_before, attempts, message_id, error)"
    " VALUES (1, 'k', 0, 'telegram', '77002', 'private', 'send',"
    """ '{"text": [["Colibrí no respondió", "plain"]]}', '', 'incident:1:alarm', 'sent', 0, 0, 1,"""
    " '33', '')",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def first_version(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database as the first version left it, with something of everything in it."""
    if request.param == "sqlite":
        url = str(tmp_path / "a.db")
        engine = sa.create_engine(f"sqlite:///{url}")
        drop = ""
    else:
        server = request.getfixturevalue("postgres")
        root = sa.create_engine(server.replace("://", "+psycopg2://"), isolation_level="AUTOCOMMIT")
        with root.connect() as connection:
            connection.exec_driver_sql("DROP DATABASE IF EXISTS first WITH (FORCE)")
            connection.exec_driver_sql("CREATE DATABASE first")
        url = server.rpartition("/")[0] + "/first"
        engine = sa.create_engine(url.replace("://", "+psycopg2://"))
        drop = "DROP DATABASE first WITH (FORCE)"
    with engine.begin() as connection:
        if request.param == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=1")
        config = _alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in FIRST:
            connection.execute(sa.text(statement.replace(":", "\\:")))
        secret = MasterKey(KEY).wrap(b"a session", "facts.matrix.1.session")
        connection.execute(
            sa.text("INSERT INTO facts (name, value) VALUES ('matrix.1.session', :value)"),
            {"value": secret},
        )
    engine.dispose()
    if request.param == "sqlite":
        with closing(sqlite3.connect(url)) as connection:
            connection.execute("PRAGMA journal_mode=wal")
    yield url
    if drop:
        with root.connect() as connection:
            connection.exec_driver_sql(drop)
        root.dispose()


async def test_what_the_first_version_held_is_there(first_version: str) -> None:
    database = Database(first_version, KeyInMemory(KEY))
    await database.open()
    async with database.transaction() as tx:
        differences = await tx.connection.run_sync(
            lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
        )
        assert [d for d in differences if d[0] != "add_table_comment"] == []
        (group,) = [await tx.people.group(1)]
        assert (group.name, group.organisation) == ("Jacaranda", "margarita")
        member = await tx.people.member_named(1, "COLIBRI")
        assert member is not None
        assert member.name == "Colibrí"
        account = await tx.people.account("telegram", "77001")
        assert account is not None
        assert account.chat == "77002"
        assert (await tx.people.account_in("telegram", "77002")) == account
        (prompt,) = await tx.conversations.open_in("telegram", "77002")
        assert prompt.options[0].label == "tecolote"
        dialog = await tx.conversations.dialog("telegram", "77002", NOW)
        assert dialog is not None
        assert dialog.data == {"title": "obsidiana"}
        assert (await tx.incidents.timeline(1))[0].details == {"text": "amaranto"}
        draft = await tx.denunciations.get(1)
        assert draft is not None
        assert (draft.title, draft.text) == ("copalera", "huipil-secreto")
        (there,) = await tx.denunciations.destinations(1)
        assert there.title == "nopalera"
        (event,) = await tx.inbox.waiting(1)
        assert event.raw == {"text": "cempasúchil"}
        assert not await tx.inbox.store("telegram", [("5", "", {})], "6", NOW)
        row = await tx.outbox.by_message("telegram", "77002", "33")
        assert row is not None
        assert row.lane is Lane.ALARM
    assert await SealedFacts(database).get("matrix.1.session") == b"a session"
    assert database.matrix_key == MasterKey(KEY).legacy_matrix_key()
    await database.close()


async def test_nothing_of_it_stands_in_the_file(first_version: str, tmp_path: Path) -> None:
    if "://" in first_version:
        pytest.skip("PostgreSQL's files are not ours to read")
    raw = Path(first_version).read_bytes()
    words = [word.encode() for word in SECRETS]
    escaped = [json.dumps(word)[1:-1].encode() for word in SECRETS]
    assert all(w in raw or e in raw for w, e in zip(words, escaped, strict=True))
    database = Database(first_version, KeyInMemory(KEY))
    await database.open()
    # While it is open too: the log beside it holds pages as they were.
    for path in tmp_path.glob("a.db*"):
        raw = path.read_bytes()
        assert [w for w in (*words, *escaped) if w in raw] == [], path.name
    await database.close()


async def test_another_key_changes_nothing(first_version: str) -> None:
    before = Path(first_version).read_bytes() if "://" not in first_version else b""
    with pytest.raises(WrongKey, match="nothing was changed"):
        await Database(first_version, KeyInMemory()).open()
    if before:
        assert Path(first_version).read_bytes() == before
    database = Database(first_version, KeyInMemory(KEY))
    await database.open()
    await database.close()
