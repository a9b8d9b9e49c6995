"""From `Rich` and buttons to the content of an `m.room.message` event.

Source: Matrix client-server API, "m.room.message msgtypes" and "Event replacements".
"""

from __future__ import annotations

from html import escape
from typing import Any

from bot.domain.rich import Rich, Span, Style
from bot.platforms.base import Button

_TAGS = {Style.BOLD: "strong", Style.ITALIC: "em", Style.CODE: "code"}


def with_numbers(text: Rich, buttons: tuple[tuple[Button, ...], ...]) -> Rich:
    """The text with its buttons as numbered lines below: Matrix has no buttons."""
    lines = [f"{button.number}. {button.label}" for row in buttons for button in row]
    if not lines:
        return text
    gap = "\n\n" if text.plain else ""
    return text + Rich.of(gap + "\n".join(lines))


def message(text: Rich, *, silent: bool = False, answers: str = "") -> dict[str, Any]:
    """The content of a new message; silent as an `m.notice`, which rings nobody.

    `answers` is the event that it answers to ("Rich replies").
    """
    content: dict[str, Any] = {"msgtype": "m.notice" if silent else "m.text", "body": text.plain}
    if any(span.style is not Style.PLAIN for span in text.spans):
        content["format"] = "org.matrix.custom.html"
        content["formatted_body"] = "".join(map(_html, text.spans))
    if answers:
        content["m.relates_to"] = {"m.in_reply_to": {"event_id": answers}}
    return content


def replacement(text: Rich, original: str, *, silent: bool = False) -> dict[str, Any]:
    """The content of an edit of the message `original`.

    It names the first event, not the last edit: clients ignore an edit of an edit.
    """
    new = message(text, silent=silent)
    content = {**new, "body": f"* {new['body']}"}
    if "formatted_body" in new:
        content["formatted_body"] = f"* {new['formatted_body']}"
    content["m.new_content"] = new
    content["m.relates_to"] = {"rel_type": "m.replace", "event_id": original}
    return content


def _html(span: Span) -> str:
    text = escape(span.text).replace("\n", "<br>")
    tag = _TAGS.get(span.style)
    return f"<{tag}>{text}</{tag}>" if tag and text else text
