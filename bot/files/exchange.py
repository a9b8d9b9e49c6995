"""What the two processes say to each other: numbers there, and back one line and a file.

    clean KIND FOUND,FOUND\\n…          refused REASON\\n
"""

from __future__ import annotations

from dataclasses import fields

from bot.files.values import Clean, Found, Kind, Limits, Reason

LONGEST_LINE = 200
"""Bytes of the line that stands before the file."""


def order(limits: Limits, *, text: bool) -> list[str]:
    """The opener's arguments: numbers, and nothing that anybody wrote."""
    values = [str(getattr(limits, field.name)) for field in fields(Limits)]
    return [*values, "text" if text else "other"]


def read_order(words: list[str]) -> tuple[Limits, bool]:
    """The opposite of `order`."""
    *values, text = words
    kinds = [type(getattr(Limits(), field.name)) for field in fields(Limits)]
    return Limits(*(kind(value) for kind, value in zip(kinds, values, strict=True))), text == "text"


def answer(result: Clean | Reason) -> bytes:
    """What the opener writes."""
    if isinstance(result, Reason):
        return f"refused {result}\n".encode("ascii")
    found = ",".join(sorted(result.found))
    return f"clean {result.kind} {found}\n".encode("ascii") + result.content


def read_answer(written: bytes) -> Clean | Reason | None:
    """The opposite of `answer`. None for anything else: the opener may be in an attacker's hands."""
    line, _, file = written.partition(b"\n")
    try:
        match line.decode("ascii").split(" "):
            case ["clean", kind, found] if file:
                return Clean(Kind(kind), file, frozenset(map(Found, filter(None, found.split(",")))))
            case ["refused", reason] if not file:
                return Reason(reason)
    except ValueError:
        pass
    return None
