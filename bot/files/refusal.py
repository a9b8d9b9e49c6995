"""How what opens a file says no."""

from __future__ import annotations

from bot.files.values import Reason


class Refusal(Exception):
    """This file is not to be cleaned. Raised in the opening process alone."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
