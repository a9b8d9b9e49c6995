"""Every kind of Matrix event, and garbage, in the application's words; pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from bot.domain.rich import Rich, Span, Style
from bot.platforms.base import (
    Added,
    Button,
    ChatKind,
    File,
    Incoming,
    Location,
    Migrated,
    Other,
    PlatformName,
    RawEvent,
    Removed,
    Result,
    Text,
    Unreadable,
)
from bot.platforms.matrix.formatting import message, replacement, with_numbers
from bot.platforms.matrix.http import Answer
from bot.platforms.matrix.outcome import of_answer, of_exception
from bot.platforms.matrix.parse import understand


def event(content: Any, kind: str = "m.room.message", **more: Any) -> RawEvent:
    raw = {
        "event": {
            "type": kind,
            "content": content,
            "sender": "@ana:x",
            "event_id": "$e",
            "origin_server_ts": 1_700_000_000_000,
        },
        "room": {"kind": "private", "title": "Red", "encrypted": True},
        "display_name": "Ana",
        "decrypted": True,
        "proven": True,
        **more,
    }
    return RawEvent("$e", "!r:x", raw)


def text(body: str, **more: Any) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body, **more}


REPLY = {"m.in_reply_to": {"event_id": "$q"}}
EDIT = {"rel_type": "m.replace", "event_id": "$first"}
THREAD = {"rel_type": "m.thread", "event_id": "$t", "is_falling_back": True, **REPLY}
QUOTED = "> <@bot:x> ¿Estás bien?\n> 1. Sí\n\nbien"


SEALED = {"url": "mxc://x/a", "key": {"k": "key"}, "iv": "iv", "hashes": {"sha256": "hash"}}
SEALED_FILE = File(
    "image", "a.png", "", 0, {"url": "mxc://x/a", "key": "key", "iv": "iv", "sha256": "hash"}
)


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (event(text("hola")), Text("hola")),
        (event({"msgtype": "m.emote", "body": "saluda"}), Text("saluda")),
        (event({"msgtype": "m.notice", "body": "soy un bot"}), None),
        (event(text(QUOTED, **{"m.relates_to": REPLY})), Text("bien", reply_to="$q")),
        (event(text("> no es cita")), Text("> no es cita")),
        (event(text("hilo", **{"m.relates_to": THREAD})), Text("hilo")),
        (
            event(text("* b", **{"m.relates_to": EDIT, "m.new_content": text("b")})),
            Text("b", edited=True),
        ),
        (event({"msgtype": "m.image", "body": "a.png"}), Other("image")),
        (
            event({"msgtype": "m.image", "body": "mira", "filename": "a.png"}),
            Other("image", caption="mira"),
        ),
        (
            event({"msgtype": "m.file", "body": "a.pdf", "url": "mxc://x/a", "info": {"size": 5}}),
            File("file", "a.pdf", "", 5, {"url": "mxc://x/a"}),
        ),
        (event({"msgtype": "m.image", "body": "a.png", "file": SEALED}), SEALED_FILE),
        (
            event({"msgtype": "m.image", "body": "a.png", "file": {**SEALED, "iv": 7}}),
            Other("image"),
        ),
        (event({"msgtype": "m.audio", "body": "voz.ogg"}), Other("audio")),
        (event({"msgtype": "m.file", "body": "a.pdf"}), Other("file")),
        (event({"msgtype": "m.video", "body": "v.mp4"}), Other("video")),
        (event({"msgtype": "m.location", "body": "x", "geo_uri": "geo:1,2"}), Location(1.0, 2.0)),
        (event({"msgtype": "m.location", "geo_uri": "geo:15.5,-90.25;u=35"}), Location(15.5, -90.25)),
        (event({"msgtype": "m.location", "geo_uri": "geo:1,2,300"}), Location(1.0, 2.0)),
        (event({"msgtype": "m.location", "geo_uri": "geo:91,2"}), Other("location")),
        (event({"msgtype": "m.location", "geo_uri": "geo:x"}), Other("location")),
        (event({"msgtype": "m.location", "body": "x"}), Other("location")),
        (event({"msgtype": "org.new.kind", "body": "x"}), Other("org.new.kind")),
        (event({"body": "Gato"}, "m.sticker"), Other("sticker", caption="Gato")),
        (
            event({"m.relates_to": {"rel_type": "m.annotation", "key": "✅"}}, "m.reaction"),
            Other("reaction", caption="✅"),
        ),
        (event({}, "m.poll.start"), Other("poll")),
        (event({"ciphertext": ""}, "m.room.encrypted", undecryptable=True), Unreadable()),
        (event({"membership": "join"}, "m.room.member", by="@eva:x"), Added("Red")),
        (event({"membership": "leave"}, "m.room.member"), Removed()),
        (event({"membership": "ban"}, "m.room.member"), Removed()),
        (event({"replacement_room": "!n:x"}, "m.room.tombstone"), Migrated("!n:x")),
        (event({}, "m.room.tombstone"), None),
        (event({}), None),
        (event("not an object"), None),
        (event({"msgtype": 7, "body": {}}), None),
        (event(text(3)), Text("")),  # type: ignore[arg-type]
        (event({"m.relates_to": "x"}, "m.reaction"), Other("reaction")),
        (event({}, "org.unknown"), None),
    ],
)
def test_each_kind(raw: RawEvent, body: Any) -> None:
    incoming = understand(raw)
    assert (incoming.body if incoming else None) == body


def test_the_rest_of_an_event() -> None:
    assert understand(event(text("hola"))) == Incoming(
        platform=PlatformName.MATRIX,
        event_id="$e",
        account="@ana:x",
        chat="!r:x",
        chat_kind=ChatKind.PRIVATE,
        sent_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        body=Text("hola"),
        display_name="Ana",
        message_id="$e",
    )
    added = understand(event({"membership": "join"}, "m.room.member", by="@eva:x"))
    assert added is not None
    assert added.account == "@eva:x"
    edited = understand(event(text("* b", **{"m.relates_to": EDIT, "m.new_content": text("b")})))
    assert edited is not None
    assert edited.message_id == "$first"


@pytest.mark.parametrize("stamp", [None, "x", -5, 10**30, True, 1.5])
def test_an_impossible_time_is_still_a_time(stamp: Any) -> None:
    raw = event(text("hola"))
    raw.raw["event"]["origin_server_ts"] = stamp
    incoming = understand(raw)
    assert incoming is not None
    assert incoming.sent_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [
        (403, "M_FORBIDDEN", Result.BLOCKED),
        (404, "M_NOT_FOUND", Result.BLOCKED),
        (401, "M_UNKNOWN_TOKEN", Result.REVOKED),
        (413, "M_TOO_LARGE", Result.REJECTED),
        (413, "", Result.REJECTED),
        (429, "M_LIMIT_EXCEEDED", Result.LIMITED),
        (429, "", Result.LIMITED),
        (500, "M_UNKNOWN", Result.SERVER_ERROR),
        (502, "", Result.SERVER_ERROR),
        (200, "", Result.SERVER_ERROR),
    ],
)
def test_what_an_answer_means(status: int, code: str, result: Result) -> None:
    receipt = of_answer(Answer(status, {"errcode": code, "error": "@ana:x is not in !r:x"}))
    assert receipt.result is result
    assert "ana" not in receipt.reason
    assert (receipt.retry_after > 0) == (result is Result.LIMITED)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (aiohttp.ServerDisconnectedError(), Result.AMBIGUOUS),
        (TimeoutError(), Result.AMBIGUOUS),
        (ConnectionResetError(), Result.AMBIGUOUS),
        (aiohttp.ConnectionTimeoutError(), Result.UNREACHABLE),
        (KeyError("x"), Result.SERVER_ERROR),
    ],
)
def test_what_silence_means(error: Exception, result: Result) -> None:
    assert of_exception(error).result is result


def test_formatting() -> None:
    plain = message(Rich.of("a <b>\n*c*"))
    assert plain == {"msgtype": "m.text", "body": "a <b>\n*c*"}
    rich = message(Rich((Span("<a>", Style.CODE), Span("\n"), Span("b", Style.ITALIC))))
    assert rich["formatted_body"] == "<code>&lt;a&gt;</code><br><em>b</em>"
    assert message(Rich.of("x"), silent=True)["msgtype"] == "m.notice"
    numbered = with_numbers(Rich.of("¿Bien?"), ((Button("Sí", "y", 1),), (Button("No", "n", 2),)))
    assert numbered.plain == "¿Bien?\n\n1. Sí\n2. No"
    edit = replacement(Rich.of("x"), "$first")
    assert edit["m.relates_to"] == EDIT
    assert edit["m.new_content"] == {"msgtype": "m.text", "body": "x"}


def test_an_answer_bears_the_event_that_it_answers_to() -> None:
    """Matrix client-server API, "Rich replies"."""
    assert message(Rich.of("Sigue"), answers="$first")["m.relates_to"] == {
        "m.in_reply_to": {"event_id": "$first"}
    }
    assert "m.relates_to" not in message(Rich.of("Sola"))
