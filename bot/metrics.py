"""What the bot tells a Prometheus of itself: counts and times, and nothing of anybody.

A label is a platform, a lane, a state or a finding: words of ours, of which there are few. There is
no name, no number of a person or a chat, no group, and by default no count of incidents: whoever
reads the numbers over time would learn when something happened to somebody. Each metric is in
`NAMES`, with what it says.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bot.domain.lanes import Lane
from bot.engine.handling import Ended
from bot.platforms.base import Result
from storage.census import Census

QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Bounds in seconds of what takes milliseconds."""

SLOW = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
"""Bounds in seconds of what people wait for."""

LAG_EVERY = 0.25
"""Seconds between two looks how late the event loop is."""


@dataclass(eq=False)
class _Family(Collector):
    """One metric with its labels. On the way of a message there is no lock and no look at a label: the
    library's own counters, which threads may share, take ten times as long."""

    name: str
    what: str
    labels: tuple[str, ...] = ()
    words: Callable[[Any], tuple[str, ...]] = lambda key: (key,)

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        raise NotImplementedError


@dataclass(eq=False)
class _Counts(_Family):
    """How often, by whatever tells the cases apart."""

    def __post_init__(self) -> None:
        self.of: defaultdict[Any, int] = defaultdict(int)

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(f"acuerpa_{self.name}", self.what, labels=self.labels)
        for key, count in self.of.items():
            family.add_metric(self.words(key), count)
        yield family


class _Spans:
    """How many times each span of a histogram was met, and the sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


@dataclass(eq=False)
class _Times(_Family):
    """How long, by whatever tells the cases apart."""

    bounds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        self.of: dict[Any, _Spans] = {}

    def __call__(self, key: Any = None) -> _Spans:
        found = self.of.get(key)
        if found is None:
            found = self.of[key] = _Spans(self.bounds)
        return found

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(f"acuerpa_{self.name}", self.what, labels=self.labels)
        for key, spans in self.of.items():
            below = zip((*map(str, self.bounds), "+Inf"), accumulate(spans.counts), strict=True)
            words = self.words(key) if self.labels else ()
            family.add_metric(words, [(bound, float(n)) for bound, n in below], spans.total)
        yield family


class Metrics:
    """Counts as an `Observer`, and hears of audits as a `Watcher`.

    What can be counted of each of these platforms is there from the beginning, so that a rate is never
    of a thing that appears from nowhere.
    """

    def __init__(self, platforms: Iterable[str]) -> None:
        self.findings: tuple[str, ...] = ()
        self.audited: float | None = None
        """When the newest audit was, in seconds since 1970; None before the first."""
        self._received = _Counts(
            "received_events", "Events that a platform gave.", ("platform",)
        )
        self._handled = _Counts(
            "handled_events", "Events that were handled, or failed.", ("platform", "result"),
            lambda key: (key[0], _word(key[1])),
        )  # fmt: skip
        self._handling = _Times(
            "handling_seconds", "How long the handlers took for one event.", ("platform",), bounds=QUICK
        )
        self._attempts = _Counts(
            "attempts", "How a platform answered when it was to take something.", ("platform", "result"),
            lambda key: (key[0], str(key[1])),
        )  # fmt: skip
        self._attempting = _Times(
            "attempt_seconds", "How long a platform took to answer that.", ("platform",), bounds=SLOW
        )
        self._ended = _Counts(
            "messages", "Messages that came to their end, or are stuck.", ("platform", "lane", "result"),
            lambda key: (key[0], key[1].name.lower(), str(key[2])),
        )  # fmt: skip
        self._accepted = _Times(
            "accepted_delay_seconds", "From when a message was queued to when it was accepted.",
            ("lane",), lambda lane: (lane.name.lower(),), SLOW,
        )  # fmt: skip
        self._fired = _Counts(
            "timers", "Timers that were carried out, or failed.", ("result",), lambda key: (_word(key),)
        )
        self._late = _Times("timer_late_seconds", "How late timers were carried out.", bounds=SLOW)
        self._transactions = _Times(
            "transaction_seconds", "How long transactions took, with the wait for their turn.",
            bounds=QUICK,
        )  # fmt: skip
        self._lag = _Times("loop_lag_seconds", "How late the event loop came round.", bounds=QUICK)
        self._are_there([str(platform) for platform in platforms])
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        for family in vars(self).copy().values():
            if isinstance(family, _Family):
                self.registry.register(family)

    def _are_there(self, platforms: Sequence[str]) -> None:
        for times in (self._late, self._transactions, self._lag):
            times()
        for lane in Lane:
            self._accepted(lane)
        self._fired.of |= {False: 0, True: 0}
        for platform in platforms:
            self._received.of[platform] = 0
            self._handling(platform)
            self._attempting(platform)
            self._handled.of |= {(platform, failed): 0 for failed in (False, True)}
            self._attempts.of |= {(platform, result): 0 for result in Result}
            self._ended.of |= {(platform, lane, end): 0 for lane in Lane for end in Ended}

    # --- an Observer ---

    def received(self, platform: str, events: int) -> None:
        """See `bot.observing.Observer`, as for the others."""
        self._received.of[platform] += events

    def handled(self, platform: str, seconds: float, *, failed: bool) -> None:
        """One event."""
        self._handled.of[platform, failed] += 1
        self._handling(platform).observe(seconds)

    def fired(self, late: float, seconds: float, *, failed: bool) -> None:
        """One timer."""
        self._fired.of[failed] += 1
        self._late().observe(max(0.0, late))

    def attempted(self, platform: str, result: Result, seconds: float) -> None:
        """One attempt to send."""
        self._attempts.of[platform, result] += 1
        self._attempting(platform).observe(seconds)

    def ended(self, platform: str, lane: Lane, end: Ended, delay: float) -> None:
        """One message."""
        self._ended.of[platform, lane, end] += 1
        if end == Ended.SENT:
            self._accepted(lane).observe(max(0.0, delay))

    def committed(self, seconds: float) -> None:
        """One transaction of the database."""
        self._transactions().observe(seconds)

    # --- a Watcher ---

    async def well(self) -> None:
        """A clean audit."""
        self._audited(())

    async def catching_up(self) -> None:
        """Nothing is known yet."""

    async def trouble(self, findings: Iterable[str]) -> None:
        """What an audit found."""
        self._audited(tuple(findings))

    def _audited(self, findings: tuple[str, ...]) -> None:
        self.findings = findings
        self.audited = time.time()

    # --- the loop ---

    async def watch_the_loop(self) -> None:
        """Measure for ever how late the event loop comes round."""
        loop = asyncio.get_running_loop()
        while True:
            wanted = loop.time() + LAG_EVERY
            await asyncio.sleep(LAG_EVERY)
            self._lag().observe(max(0.0, loop.time() - wanted))

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)


class State(Collector):
    """What is so at this moment, asked when somebody reads.

    Args:
        metrics: Whose audits it tells.
        acting: Whether this process acts.
        platforms: Whether each platform answers.
        counted: The newest census; None where the database could not be asked.
        backup: When the newest backup was taken; None without any.
        backups: Whether there are to be any.
        incidents: Whether open incidents are counted.
    """

    def __init__(
        self,
        metrics: Metrics,
        acting: Callable[[], bool],
        platforms: Callable[[], dict[str, bool]],
        counted: Callable[[], Census | None],
        backup: Callable[[], datetime | None],
        *,
        backups: bool,
        incidents: bool,
    ) -> None:
        self._metrics = metrics
        self._acting = acting
        self._platforms = platforms
        self._counted = counted
        self._backup = backup
        self._backups = backups
        self._incidents = incidents

    def collect(self) -> Iterator[Metric]:
        """All of it."""
        info = InfoMetricFamily("acuerpa", "The program.", value={"version": version("acuerpa")})
        yield info
        yield _gauge("acuerpa_acting", "Whether this process acts.", self._acting())
        up = GaugeMetricFamily("acuerpa_platform_up", "Whether it answers.", labels=["platform"])
        for platform, answers in self._platforms().items():
            up.add_metric([platform], float(answers))
        yield up
        found = GaugeMetricFamily(
            "acuerpa_audit_finding", "What the newest audit found.", labels=["finding", "where"]
        )
        for finding in self._metrics.findings:
            name, _, where = finding.partition(":")
            found.add_metric([name, where], 1.0)
        yield found
        if self._metrics.audited is not None:
            at = self._metrics.audited
            yield _gauge("acuerpa_last_audit_timestamp_seconds", "When the newest audit was.", at)
        newest = self._backup()
        if self._backups:
            yield _gauge(
                "acuerpa_last_backup_timestamp_seconds", "When the newest backup was taken; 0 for never.",
                newest.timestamp() if newest is not None else 0.0,
            )  # fmt: skip
        census = self._counted()
        yield _gauge("acuerpa_database_up", "Whether it could be asked.", census is not None)
        if census is not None:
            yield from self._of(census)

    def _of(self, census: Census) -> Iterator[Metric]:
        events = GaugeMetricFamily(
            "acuerpa_inbox_rows", "Events that wait, and that were set aside.", labels=["state"]
        )
        for state, count in sorted(census.events.items()):
            events.add_metric([state], count)
        yield events
        messages = GaugeMetricFamily(
            "acuerpa_outbox_rows", "Messages that wait, failed, or of which nobody knows.",
            labels=["platform", "lane", "state"],
        )  # fmt: skip
        for m in census.messages:
            messages.add_metric([m.platform, m.lane.name.lower(), m.state], m.count)
        yield messages
        oldest = GaugeMetricFamily(
            "acuerpa_outbox_oldest_seconds", "For how long the oldest message has waited.",
            labels=["lane"],
        )  # fmt: skip
        for lane in Lane:
            oldest.add_metric([lane.name.lower()], census.age(lane).total_seconds())
        yield oldest
        yield _gauge("acuerpa_timers_due", "Timers that are due and not carried out.", census.late)
        yield _gauge("acuerpa_workers", "Processes that help the one that acts.", census.workers)
        if census.canary is not None:
            yield _gauge(
                "acuerpa_last_canary_timestamp_seconds", "When the practice alarm arrived last.",
                census.canary.timestamp(),
            )  # fmt: skip
        if self._incidents:
            yield _gauge("acuerpa_incidents_open", "Open incidents.", census.open)
            yield _gauge(
                "acuerpa_incidents_unclaimed", "Open incidents that nobody holds.", census.unclaimed
            )


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=float(value))


def _word(failed: bool) -> str:
    return "failed" if failed else "done"
