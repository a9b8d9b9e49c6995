"""The lanes of the outbox, urgent first."""

from __future__ import annotations

from enum import IntEnum


class Lane(IntEnum):
    """Priority of a message to send: a lower number goes first."""

    ALARM = 0
    CONVERSATION = 1
    CHECKIN = 2
    BROADCAST = 3
