"""What came from outside, made so that every database can keep it.

Storing must not fail because of what somebody wrote: the platform would give the same batch again
and again, and nobody's alarm behind it would ever arrive. JSON can carry what databases and UTF-8
cannot: halves of surrogate pairs, the character NUL, numbers that are none, nesting without end.
"""

from __future__ import annotations

import math
import re
from typing import Any

DEEPEST = 40
"""Levels of nesting that are kept: no event that we understand has more than ten."""

LARGEST = 2**256
"""Numbers beyond it are no ids of anybody; Python refuses to write those of many digits."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable_text(text: str) -> str:
    """Without what is no character; each becomes U+FFFD, so that nothing moves together."""
    return text if text.isascii() and "\0" not in text else _UNSTORABLE.sub("\ufffd", text)


def storable(value: Any, depth: int = DEEPEST) -> Any:
    """A JSON value with its texts made storable; what is deeper or not JSON is None."""
    match value:
        case str():
            return storable_text(value)
        case bool() | None:
            return value
        case int():
            return value if abs(value) < LARGEST else None
        case float():
            return value if math.isfinite(value) else None
        case dict() if depth:
            return {storable_text(str(k)): storable(v, depth - 1) for k, v in value.items()}
        case list() | tuple() if depth:
            return [storable(inner, depth - 1) for inner in value]
    return None
