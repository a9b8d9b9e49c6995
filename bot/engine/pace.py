"""How fast a platform may be sent to, with a share that only urgent lanes may use."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain.lanes import Lane
from bot.platforms.base import ChatKind, Limits

URGENT_SHARE = 0.2
"""Part of the platform's rate that broadcasts leave free."""

CHAT_BURST = 5.0
"""Messages that one chat takes at once before its own rate counts."""

FORGET_CHATS = 10_000
"""How many chats' rates are remembered before full ones are dropped."""


class Bucket:
    """A token bucket: `rate` tokens per second, at most `burst` of them."""

    __slots__ = ("burst", "rate", "seen", "tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = burst
        self.seen = now

    def refill(self, now: float) -> float:
        """Bring up to `now` (seconds of a monotonic clock) and tell how many tokens there are."""
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.seen) * self.rate)
        self.seen = now
        return self.tokens


class Pace:
    """The limits of one platform.

    Args:
        clock: Seconds that never go back.
        senders: How many processes send over this account: each takes an equal share of everything.
    """

    def __init__(
        self, limits: Limits, clock: Callable[[], float], senders: Callable[[], int] = lambda: 1
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._senders = senders
        self._among = 1
        self._all = Bucket(limits.per_second, max(1.0, limits.per_second), clock())
        self._chats: dict[str, Bucket] = {}

    def delay(self, lane: Lane) -> float:
        """Seconds until a message of this lane may leave, as far as the platform goes; 0 for now."""
        self._share()
        kept = self._all.burst * URGENT_SHARE if lane is Lane.BROADCAST else 0.0
        missing = 1.0 + kept - self._all.refill(self._clock())
        return max(0.0, missing / self._all.rate)

    def chat_delay(self, chat: str, kind: ChatKind) -> float:
        """The same as far as this chat goes."""
        self._share()
        now = self._clock()
        bucket = self._chat(chat, kind, now)
        return max(0.0, (1.0 - bucket.refill(now)) / bucket.rate)

    def spend(self, chat: str, kind: ChatKind) -> None:
        """A message leaves now."""
        now = self._clock()
        self._all.refill(now)
        self._all.tokens -= 1.0
        bucket = self._chat(chat, kind, now)
        bucket.refill(now)
        bucket.tokens -= 1.0

    def _chat(self, chat: str, kind: ChatKind, now: float) -> Bucket:
        if chat not in self._chats:
            if len(self._chats) >= FORGET_CHATS:
                self._chats = {c: b for c, b in self._chats.items() if b.refill(now) < b.burst}
            private = kind is ChatKind.PRIVATE
            rate = self._limits.per_chat if private else self._limits.per_group
            burst = max(1.0, CHAT_BURST / self._among)
            self._chats[chat] = Bucket(rate / self._among, burst, now)
        return self._chats[chat]

    def _share(self) -> None:
        """One process more, or less: what was saved up is no more than the new share."""
        among = max(1, self._senders())
        if among == self._among:
            return
        before, self._among = self._among, among
        rate = self._limits.per_second / among
        self._all.rate, self._all.burst = rate, max(1.0, rate)
        for chat in self._chats.values():
            chat.rate *= before / among
            chat.burst = max(1.0, CHAT_BURST / among)
