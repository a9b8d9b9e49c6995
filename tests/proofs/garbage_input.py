"""Garbage to throw at the bot: hypothesis strategies for events, commands, presses and words."""

from __future__ import annotations

import string
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from bot.platforms.matrix.sas import PICTURES
from bot.platforms.telegram.parse import RECEIVED
from handlers.entries import ENTRIES, HELP_WORDS

Raw = dict[str, Any]

SURROGATES = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3)
ODD = (
    "\0\u200b\u200d\u202e\u2066\u0301\u0489\ufe0f\u2800\u3164\ufeff\U000e0041\u0661\u06f2\u0967\uff13"
    "\u00b2\u2460\U0001d7d9\ufdfa\u0130\u00df\u01c5😀🆘👩‍👩‍👧אبد漢字ñ¿¡«»\u2028\x85\x1b\ud800\udfff"
)
WORDS = [
    "auxilio",
    "ayuda",
    "sos",
    "bien",
    "estoy",
    "ok",
    "no",
    "si",
    "luego",
    "lunes",
    "viernes",
    "mañana",
    "hoy",
    "en",
    "dentro",
    "de",
    "3",
    "horas",
    "y",
    "media",
    "cuarto",
    "menos",
    "9",
    "21:00",
    "25:61",
    "09:00",
    "margen",
    "45",
    "min",
    "avisos",
    "sin",
    "recordatorios",
    "semanas",
    "999999",
    "31",
    "de",
    "febrero",
    "2026-12-01",
    "31/12",
    "0000-00-00",
    "nine",
    "thirty",
    "pm",
    "am",
    "a",
    "las",
    "de",
    "la",
    "noche",
    "ya:",
    "red;",
    "repetir",
    "noticias",
    "coordinación",
    "Berta,",
    "#1",
    "1",
    "2",
    "99",
    "#999999999",
    "0",
    "-1",
    "½",
    "٣",
    "²",
    "1e9",
    "todos",
    "los",
    "días",
    "menos",
    "domingo",
    "proximo",
    "que",
    "viene",
    "5",
    "enero",
    "primero",
    "UTC",
    "localtime",
    "Factory",
    "America/Mexico_City",
    "en",
    "es",
    "english",
    "integrante",
    "aprobación",
    ">",
    "/",
    "!",
    "@",
    ":",
    ";",
    "{name}",
    "<b>",
    "%s",
    "\\",
    "'",
    '"',
    "null",
]

words = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
runs = st.builds(
    lambda word, times: (word * (times // len(word) + 1))[:times],
    st.one_of(st.sampled_from([*WORDS, *ODD, " ", "\n", "a ", "> x\n", ", "]), words.filter(bool)),
    st.sampled_from([50, 400, 4096, 65_000]),
)
long_runs = st.sampled_from([*ODD, " ", "a", "9", "no ", "> \n", "a, "]).map(
    lambda piece: (piece * 1_000_000)[:1_000_000]
)
texts = st.one_of(
    words,
    words,
    st.text(max_size=60),
    st.text(st.sampled_from(ODD + "auxilio 019"), max_size=40),
    st.text(string.printable, max_size=80),
    SURROGATES,
    runs,
    st.integers(0, 19).flatmap(lambda n: long_runs if n == 0 else words),
)
commands = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from("/!"),
    st.sampled_from(
        [w for e in ENTRIES for w in (e.name, *e.aliases)] + [*HELP_WORDS, "grupo", "entrar", "x"]
    ),
    st.sampled_from(["", "", "", "@bot", "@"]),
    st.sampled_from([" ", "\n", "\t ", "\u00a0", ""]),
    texts,
)
odd_numbers = st.sampled_from(
    ["1", "2", "3", "", "0", "-1", "9" * 60, "9" * 5000, "٣", "²", "1:2", "1\0", "\ud800", "NaN"]
)


def presses(tokens: list[str]) -> st.SearchStrategy[str]:
    """Button data: real tokens of anybody's questions with any number, and forged ones."""
    token = st.one_of(st.sampled_from(tokens), st.sampled_from(tokens), texts)
    return st.one_of(st.builds("{}:{}".format, token, odd_numbers), token)


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from(
            [2**31, 2**63, -(2**63) - 1, 2**70, 10**300, -62_135_596_800, 253402300800]
        ),
        st.floats(),
        st.text(max_size=10),
        SURROGATES,
        st.just("x" * 1_000_000),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
deep = st.sampled_from([50, 400, 800, 950, 990, 5000])


def nested(depth: int) -> Any:
    """Lists in lists."""
    made: Any = []
    for _ in range(depth):
        made = [made]
    return made


def _paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = []
    items = value.items() if isinstance(value, dict) else ()
    for key, inner in items:
        found += [(*before, key), *_paths(inner, (*before, key))]
    return found


@st.composite
def spoilt(draw: st.DrawFn, good: st.SearchStrategy[Raw], fields: list[str]) -> Raw:
    """A good event with one to four fields missing, of a wrong type, or added."""
    raw = deepcopy(draw(good))
    for _ in range(draw(st.integers(1, 4))):
        paths = _paths(raw)
        if not paths:
            break
        *way, last = draw(st.sampled_from(paths))
        at = raw
        for key in way:
            at = at[key]
        match draw(st.sampled_from(["gone", "other", "other", "added", "deep"])):
            case "gone":
                del at[last]
            case "other":
                at[last] = draw(values)
            case "added":
                at[draw(st.sampled_from(fields))] = draw(values)
            case "deep":
                at[last] = nested(draw(deep))
    return raw


@dataclass(frozen=True)
class Who:
    """An account, and the chat in which it writes."""

    account: str
    chat: str
    kind: str


# --- well-formed events of each platform --------------------------------------------------------


def telegram_text(who: Who, text: str, now: datetime, **more: Any) -> Raw:
    """An update with a message."""
    kinds = {"group": "supergroup"}
    person = {"id": int(who.account), "is_bot": False, "first_name": "Ana", "language_code": "es"}
    message = {
        "message_id": 7, "date": int(now.timestamp()), "from": person, "text": text,
        "chat": {"id": int(who.chat), "type": kinds.get(who.kind, who.kind)}, **more,
    }  # fmt: skip
    return {"update_id": 1, "message": message, RECEIVED: now.isoformat()}


def telegram_press(who: Who, data: str, now: datetime) -> Raw:
    """An update with a press."""
    said = telegram_text(who, "¿?", now)["message"]
    query = {"id": "5", "from": said["from"], "message": said, "data": data}
    return {"update_id": 1, "callback_query": query, RECEIVED: now.isoformat()}


def matrix_event(who: Who, now: datetime, content: Any, kind: str = "m.room.message") -> Raw:
    """An event as the receiver stores it."""
    return {
        "event": {
            "type": kind, "content": content, "sender": who.account, "event_id": "$e",
            "origin_server_ts": int(now.timestamp() * 1000),
        },
        "room": {"kind": who.kind, "title": "Red", "encrypted": True},
        "display_name": "Ana",
        "decrypted": True,
        "proven": True,
    }  # fmt: skip


def sandbox_event(who: Who, now: datetime, kind: str, **more: Any) -> Raw:
    """An event as the town tells it."""
    return {
        "kind": kind, "account": who.account, "name": "Ana", "language": "es", "chat": who.chat,
        "chat_kind": who.kind, "at": now.isoformat(), **more,
    }  # fmt: skip


def said(platform: str, who: Who, text: str, now: datetime) -> Raw:
    """These words on any platform."""
    if platform == "telegram":
        return telegram_text(who, text, now)
    if platform == "matrix":
        return matrix_event(who, now, {"msgtype": "m.text", "body": text})
    return sandbox_event(
        who, now, "text", text=text, message="m", edited=False, forwarded=False, reply_to=None
    )


def pressed(platform: str, who: Who, data: str, now: datetime) -> Raw:
    """This press, where the platform has buttons; else the same written."""
    if platform == "telegram":
        return telegram_press(who, data, now)
    if platform == "sandbox":
        return sandbox_event(who, now, "press", data=data, message="m", press="p")
    return said(platform, who, data, now)


def telegram_updates(who: Who, now: datetime) -> st.SearchStrategy[Raw]:
    """Everything that Telegram documents, in turn."""
    base = telegram_text(who, "", now)["message"]
    del base["text"]
    kinds = st.sampled_from(
        ["photo", "voice", "sticker", "location", "venue", "poll", "hologram", "pinned_message",
         "new_chat_members", "video_chat_ended"]
    )  # fmt: skip
    other = st.builds(
        lambda kind, text: {"message": {**base, kind: {}, "caption": text}}, kinds, texts
    )
    member = {"chat": base["chat"], "from": base["from"], "date": base["date"]}
    membership = st.builds(
        lambda old, new: {
            "my_chat_member": {
                **member,
                "old_chat_member": {"status": old},
                "new_chat_member": {"status": new},
            }
        },
        st.sampled_from(["member", "left", "kicked", "administrator"]),
        st.sampled_from(["member", "left", "kicked", "administrator"]),
    )
    edits = st.builds(
        lambda text: {"edited_message": {**base, "text": text, "edit_date": base["date"]}}, texts
    )
    replies = st.builds(
        lambda text, extra: telegram_text(who, text, now, **extra),
        texts,
        st.sampled_from(
            [{}, {"reply_to_message": {"message_id": 3}}, {"forward_origin": {"type": "user"}}]
        ),
    )
    presses_ = st.builds(lambda data: telegram_press(who, data, now), texts)
    rare: Any = st.sampled_from([{"inline_query": {}}, {"poll": {"id": "1"}}, {}])
    return st.one_of(replies, other, membership, edits, presses_, rare).map(
        lambda update: {"update_id": 1, **update, RECEIVED: now.isoformat()}
    )


TELEGRAM_FIELDS = [
    "message", "edited_message", "callback_query", "my_chat_member", "photo", "caption", "text",
    "reply_to_message", "forward_origin", "sender_chat", "from", "edit_date", "is_bot", "title",
    "language_code", "username", "entities", "data", RECEIVED,
]  # fmt: skip


def matrix_events(who: Who, now: datetime) -> st.SearchStrategy[Raw]:
    """Everything that a homeserver may give us."""
    relation = st.one_of(
        st.none(),
        values,
        st.sampled_from(
            [
                {"m.in_reply_to": {"event_id": "$q"}},
                {"rel_type": "m.replace", "event_id": "$first"},
                {"rel_type": "m.thread", "is_falling_back": True, "event_id": "$t"},
                {"rel_type": "m.replace"},
                {"rel_type": ["m.replace"], "event_id": {}},
                {"m.in_reply_to": "$q"},
            ]
        ),
    )
    kinds = st.sampled_from(
        ["m.text", "m.emote", "m.notice", "m.image", "m.audio", "m.location", "org.new", "", None]
    )

    def message(kind: Any, body: Any, related: Any, new: Any) -> Raw:
        content: Raw = {"body": body, "m.relates_to": related, "m.new_content": new}
        if kind is not None:
            content["msgtype"] = kind
        return matrix_event(who, now, content)

    messages = st.builds(
        message,
        kinds,
        st.one_of(texts, values),
        relation,
        st.one_of(values, st.builds(lambda t: {"msgtype": "m.text", "body": t}, texts)),
    )
    others = st.builds(
        lambda kind, content: matrix_event(who, now, content, kind),
        st.sampled_from(
            ["m.sticker", "m.poll.start", "m.reaction", "m.room.encrypted", "m.call.invite",
             "m.room.redaction", "org.unknown", "m.room.member"]
        ),
        values,
    )  # fmt: skip
    closed = st.just({**matrix_event(who, now, {}, "m.room.encrypted"), "undecryptable": True})
    forged = st.builds(lambda text: {**said("matrix", who, text, now), "proven": False}, texts)
    reports = st.builds(
        lambda report: {"report": report, "account": who.account, "at": now.isoformat()},
        st.one_of(
            st.builds(
                lambda what, token: {"kind": "changed", "what": what, "confirm": token},
                st.sampled_from(["identity", "device", "signature"]), texts,
            ),
            st.builds(lambda a, b: {"kind": "asked", "begin": a, "decline": b}, texts, texts),
            st.builds(
                lambda pictures, a, b: {
                    "kind": "shown", "pictures": pictures, "same": a, "different": b,
                },
                st.lists(st.sampled_from(PICTURES), max_size=9), texts, texts,
            ),
            st.builds(lambda proven: {"kind": "ended", "proven": proven}, st.booleans()),
        ),
    )  # fmt: skip
    return st.one_of(messages, messages, others, closed, forged, reports)


MATRIX_FIELDS = [
    "type", "content", "sender", "msgtype", "body", "m.relates_to", "m.new_content", "by",
    "rel_type", "undecryptable", "event", "room", "kind", "title", "display_name", "event_id",
    "proven", "what", "confirm", "begin", "pictures", "same",
]  # fmt: skip


def sandbox_events(who: Who, now: datetime) -> st.SearchStrategy[Raw]:
    """Everything that people of the town can do."""
    return st.one_of(
        st.builds(
            lambda text, edited, forwarded, reply_to: sandbox_event(
                who, now, "text", text=text, message="m", edited=edited, forwarded=forwarded,
                reply_to=reply_to,
            ),
            texts, st.booleans(), st.booleans(), st.one_of(st.none(), texts),
        ),
        st.builds(
            lambda what, text: sandbox_event(
                who, now, "other", what=what, caption=text, message="m"
            ),
            texts, texts,
        ),
        st.builds(lambda data: pressed("sandbox", who, data, now), texts),
        st.builds(lambda title: sandbox_event(who, now, "added", title=title), texts),
        st.just(sandbox_event(who, now, "removed")),
    )  # fmt: skip


SANDBOX_FIELDS = [
    "kind", "account", "name", "language", "chat", "chat_kind", "at", "text", "edited", "data",
    "message", "press", "reply_to", "title", "what", "caption",
]  # fmt: skip
