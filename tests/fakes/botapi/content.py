"""What a message of the bot may contain."""

from __future__ import annotations

from tests.fakes.botapi.errors import bad_request
from tests.fakes.botapi.params import Params
from tests.fakes.botapi.state import Json

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
DATA_LIMIT = 64

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")


def units(text: str) -> int:
    """Length in UTF-16 units, as the Bot API counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def text_of(params: Params, *, too_long: str = "message is too long") -> Json:
    """The text and its entities; white space around it is dropped."""
    content = _words(params, "text", "entities")
    if not content:
        raise bad_request("message text is empty")
    if units(content["text"]) > TEXT_LIMIT:
        raise bad_request(too_long)
    return content


def caption_of(params: Params) -> Json:
    """The caption and its entities, if any."""
    content = _words(params, "caption", "caption_entities")
    if content and units(content["caption"]) > CAPTION_LIMIT:
        raise bad_request("message caption is too long")
    return content


def _words(params: Params, name: str, entities_name: str) -> Json:
    full = params.text(name)
    words = full.strip()
    if not words:
        return {}
    dropped = units(full[: len(full) - len(full.lstrip())])
    entities = []
    for entity in params.object(entities_name) or []:
        start = max(0, entity["offset"] - dropped)
        end = min(units(words), entity["offset"] + entity["length"] - dropped)
        if end > start:
            entities.append({**entity, "offset": start, "length": end - start})
    return {name: words, **({entities_name: entities} if entities else {})}


def keyboard_of(params: Params) -> Json:
    """The inline keyboard as a part of the message, checked."""
    markup = params.object("reply_markup")
    rows = [row for row in (markup or {}).get("inline_keyboard", []) if row]
    for button in (button for row in rows for button in row):
        if not button.get("text"):
            raise bad_request(
                "can't parse inline keyboard button: Field \"text\" must be of type String"
            )
        if "callback_data" not in button and "url" not in button:
            raise bad_request("text buttons are unallowed in the inline keyboard")
        if not 1 <= len(button.get("callback_data", "-").encode()) <= DATA_LIMIT:
            raise bad_request("BUTTON_DATA_INVALID")
    return {"reply_markup": {"inline_keyboard": rows}} if rows else {}


def is_picture(content: bytes) -> bool:
    """Whether the real server could make a photo of it, judged by the first bytes."""
    return content.startswith(_PICTURES)
