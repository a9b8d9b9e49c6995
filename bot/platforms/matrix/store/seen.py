"""Which event each message of a room key came in, so that none is taken twice.

A homeserver that has somebody's "I am well" in its sealed form could show it again as a new event.
nio refuses a message whose place in its key's ratchet was seen in another event, but remembers that
only for as long as the process runs; here it is kept for as long as the key.
"""

from __future__ import annotations

from bot.platforms.matrix.store.records import Shelf

_Message = tuple[str, str, int]
"""Key of the sending device, room key, and the message's place in its ratchet."""
_Event = tuple[str, int]
"""Its id, and the server's time in milliseconds."""


class SeenMessages:
    """In place of nio's `Olm.message_index_store`: the same by its message."""

    def __init__(self, shelf: Shelf, own: str) -> None:
        self._shelf = shelf
        self._own = own
        self._of_key: dict[tuple[str, str], dict[int, _Event]] = {
            (sender, key): {int(index): (event, at) for index, event, at in messages}
            for sender, key, messages in shelf
        }

    def __getitem__(self, message: _Message) -> _Event:
        sender, key, index = message
        return self._of_key[sender, key][index]

    def __setitem__(self, message: _Message, event: _Event) -> None:
        """Raises `PlatformError` if it cannot be written."""
        sender, key, index = message
        seen = self._of_key.setdefault((sender, key), {})
        seen[index] = event
        if sender != self._own:  # what comes back of our own words is no answer of anybody's
            self._shelf.put((sender, key), [sender, key, [[i, *e] for i, e in seen.items()]])
