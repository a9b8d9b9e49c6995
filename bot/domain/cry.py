"""Words that are an alarm whatever else is going on, when they stand alone."""

from __future__ import annotations

from bot.domain.answers import plain

CRIES = frozenset({"auxilio", "socorro", "sos", "🆘", "panico", "pánico", "mayday"})
LONGEST = 40
"""Characters within which a message can be nothing but a cry."""


def is_cry(text: str) -> bool:
    """Whether the message is a cry for help and nothing else: "Auxilio", "¡¡AUXILIO!!", "SOS sos"."""
    if len(text) > LONGEST:
        return False
    words = plain(text).replace("!", " ").replace("¡", " ").replace(".", " ").split()
    return bool(words) and all(word in CRIES for word in words)
