"""A text: its encoding is checked, and what nobody sees in it is taken out."""

from __future__ import annotations

import re
import unicodedata

from bot.files.refusal import Refusal
from bot.files.values import Clean, Kind, Reason

# Marks that tell one copy of a text from another, or turn the order of reading around: Unicode's
# default ignorable code points and its directional formatting characters.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Joiners have a meaning between letters of some scripts and between pictures, selectors of a form
# behind a picture or a digit; one of each, and nowhere else.
JOINED = "\u0590-\u1fff\u2190-\u2bff\ufb1d-\ufdff\ufe0e\ufe0f\ufe70-\ufefc\U00011000-\U0001faff"
FORMED = "0-9#*\u00a9\u00ae\u203c\u2049\u2100-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
MEANINGLESS = re.compile(
    f"(?<![{FORMED}])[\ufe0e\ufe0f]|(?<![{JOINED}])[\u200c\u200d]|[\u200c\u200d](?![{JOINED}])"
)


def cleaned(content: bytes) -> Clean:
    """The words alone, as UTF-8 with `\\n`. Raises `Refusal`."""
    text = _decoded(content)
    if any(unicodedata.category(c) == "Cc" and c not in "\t\n\r\f" for c in text):
        raise Refusal(Reason.ENCODING)
    text = MEANINGLESS.sub("", INVISIBLE.sub("", text))
    lines = [line.rstrip() for line in text.splitlines()]
    text = "\n".join(lines).strip("\n")
    if not text:
        raise Refusal(Reason.EMPTY)
    return Clean(Kind.TEXT, (text + "\n").encode())


def _decoded(content: bytes) -> str:
    """UTF-8, or UTF-16 if it says so. A guess at another one could change a name unseen."""
    utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if utf_16 else "utf-8")
    except UnicodeDecodeError:
        raise Refusal(Reason.ENCODING) from None
