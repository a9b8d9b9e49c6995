"""The judge of what goes over the platforms: nothing twice, nothing forgotten, no storm."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.platforms.base import Text
from tests.simulation.cases import SPACING
from tests.simulation.checkins import PROMPTLY, micros
from tests.simulation.people import CRIES, TAKE
from tests.simulation.server import Shown, Told

if TYPE_CHECKING:
    from tests.simulation.town import World

STORM = timedelta(minutes=15)
MOST_IN_A_STORM = 2
MANY_PEOPLE = "no respondieron"
WAS_AWAY = "Estuve sin funcionar"


@dataclass(slots=True)
class Accepted:
    """When a platform last took a row, and from which run of the process."""

    at: datetime
    run: int
    times: int = 1


class Messages:
    """The judge."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._raw = world.memory.raw
        self._rows: dict[str, Accepted] = {}
        self._by_run: dict[tuple[int, str], int] = defaultdict(int)
        self._digests: dict[str, datetime] = {}
        self._after_outage: dict[tuple[datetime, str], int] = defaultdict(int)
        self._waiting: dict[str, list[Told]] = {s.name: [] for s in world.servers}
        self._seen: dict[str, int] = {s.name: 0 for s in world.servers}
        self.duplicates = 0

    def shown(self, shown: Shown) -> None:
        """A platform took a message."""
        self._twice(shown)
        self._bundled(shown)

    def _twice(self, shown: Shown) -> None:
        world, key = self._world, shown.key
        (state,) = self._raw.execute("SELECT state FROM outbox WHERE key = ?", (key,)).fetchone()
        if state not in ("leased", "sending"):
            world.problem(f"{key} leaves though it is {state}")
        before = self._rows.get(key)
        run = len(world.runs)
        if before is None:
            self._rows[key] = Accepted(shown.at, run)
            return
        self.duplicates += 1
        server = world.server(shown.platform)
        if server.idempotent:
            world.problem(f"{key} is shown twice on {server.name}")
        elif server.unanswered[key] <= 1:
            # Its earlier end was answered: only a crash before it was written down excuses this.
            self._by_run[run, shown.person] += 1
            if before.run == run or self._by_run[run, shown.person] > 1:
                world.problem(f"{key} went twice, though it was known to have left")
        before.at, before.run, before.times = shown.at, run, before.times + 1

    def _bundled(self, shown: Shown) -> None:
        """Digests to one reader have their distance, and an outage ends without a storm.

        Whoever has two accounts is told on both.
        """
        world, account = self._world, f"{shown.platform} {shown.person}"
        digest = MANY_PEOPLE in shown.text
        if digest and self._rows[shown.key].times == 1 and not world.was_asked_for(shown):
            last = self._digests.get(account)
            if last is not None and shown.at - last < SPACING - PROMPTLY:
                world.problem(f"{shown.person} has a digest {shown.at - last} after another")
            self._digests[account] = shown.at
        back = world.back_from_outage()
        if back is None or shown.at - back > STORM or self._rows[shown.key].times > 1:
            return
        # An alarm of before the outage goes at once, whatever comes of the outage.
        alarm = TAKE in shown.labels and world.cases.is_first_of_a_miss(shown, back)
        if digest or alarm or WAS_AWAY in shown.text:
            count = self._after_outage[back, account] = self._after_outage[back, account] + 1
            if count > MOST_IN_A_STORM:
                world.problem(f"{shown.person} has {count} messages after the outage until {back}")

    # --- what people handed to the servers ---------------------------------------------------

    def events(self, now: datetime) -> None:
        """Each was stored once and carried out once, soon."""
        self._stored(now)
        failed = self._raw.execute(
            "SELECT count(*) FROM inbox WHERE attempts > 0 OR state = 'set_aside'"
        ).fetchone()[0]
        if failed:
            self._world.problem(f"{failed} events failed")
        waiting = self._raw.execute(
            "SELECT count(*) FROM inbox WHERE state = 'new' AND received_at < ?",
            (micros(now - PROMPTLY),),
        ).fetchone()[0]
        awake = self._world.awake_since(now)
        if waiting and awake is not None and now - awake > PROMPTLY:
            self._world.problem(f"{waiting} events wait")

    def _stored(self, now: datetime) -> None:
        """What a server has for us is stored once it has been able to give it for a while."""
        awake = self._world.awake_since(now)
        for server in self._world.servers:
            waiting = self._waiting[server.name]
            waiting += server.told[self._seen[server.name] :]
            self._seen[server.name] = len(server.told)
            if awake is None or not waiting or server.was_silent(now - PROMPTLY):
                continue
            kept = {
                key
                for (key,) in self._raw.execute(
                    "SELECT event_key FROM inbox WHERE platform = ?", (server.name,)
                )
            }
            waiting = [t for t in waiting if self._world.memory.event_key(t.id) not in kept]
            for told in waiting:
                if now - max(told.due, awake) > PROMPTLY:
                    self._world.problem(f"{told.id} is not stored, since {told.due}")
            self._waiting[server.name] = waiting

    def at_the_end(self) -> None:
        """Each cry was carried out, and each word of news once."""
        for member, said in self._world.checkins.said.items():
            cries = [told for told, _ in said if _is_cry(told) and told.heard_at is not None]
            carried_out = self._raw.execute(
                "SELECT count(*) FROM incident_events e JOIN incidents i ON i.id = e.incident_id "
                "WHERE i.subject_id = ? AND e.event IN ('opened_panic', 'again_panic', "
                "'opened_help', 'again_help')",
                (member,),
            ).fetchone()[0]
            if carried_out < len(cries):
                self._world.problem(f"{member} cried {len(cries)} times, heard {carried_out}")
        vault = self._world.memory.ring.vault
        noted = [
            vault.open(details, "incident_events", "details", id).decode()
            for id, details in self._raw.execute(
                "SELECT id, details FROM incident_events WHERE event = 'news'"
            )
        ]
        for person in self._world.people.values():
            for nonce in person.nonces:
                if sum(f'"{nonce}"' in details for details in noted) > 1:
                    self._world.problem(f"{nonce} was noted more than once")


def _is_cry(told: Told) -> bool:
    return isinstance(told.body, Text) and told.body.text in CRIES
