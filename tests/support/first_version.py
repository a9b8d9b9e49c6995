"""What a database of the first version held, one thing of each kind, and whether it is all there."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.domain.lanes import Lane
from storage.database import Database

NOW = datetime(2026, 11, 25, tzinfo=UTC)
"""An instant at which the dialog is still open."""

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


async def holds_everything(database: Database) -> None:
    """Raises `AssertionError` unless it does."""
    async with database.transaction() as tx:
        group = await tx.people.group(1)
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
