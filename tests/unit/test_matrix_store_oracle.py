"""Our crypto store gives back what nio's own does, whatever is saved and in whatever order."""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from nio.crypto import InboundGroupSession, OlmAccount, OutgoingKeyRequest
from nio.store import SqliteStore

from bot.platforms.matrix.store import CryptoStore
from tests.support.crypto_things import Phone, contents, nios, ours

_ROOMS = [f"!sala{n}:refugio.example" for n in range(3)]
_PEOPLE = ["@ana:refugio.example", "@berta:refugio.example"]
_PHONES = ["UNO", "DOS"]
_TRUST = [
    "verify_device", "unverify_device", "blacklist_device", "unblacklist_device", "ignore_device",
    "unignore_device", "is_device_verified", "is_device_blacklisted", "is_device_ignored",
]  # fmt: skip


def test_no_method_of_nios_interface_is_missing() -> None:
    """A new version of nio that asks a store for more is noticed here."""
    wanted = {
        name: list(inspect.signature(method).parameters)
        for name, method in inspect.getmembers(SqliteStore, inspect.isfunction)
        if not name.startswith(("_", "upgrade_"))
    }
    # The sync token is ours, kept with the events, and nio is told not to keep one.
    del wanted["save_sync_token"], wanted["load_sync_token"]
    given = {name: list(inspect.signature(getattr(CryptoStore, name)).parameters) for name in wanted}
    assert given == wanted


class SameAsNios(RuleBasedStateMachine):
    """Each rule does the same to both stores."""

    @initialize()
    def open(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="acuerpa-oracle-")
        self._ours, self._nios = Path(self._folder.name, "ours"), Path(self._folder.name, "nios")
        self._nios.mkdir()
        self._open()
        assert contents(self.ours) == contents(self.nios)  # both empty
        self.account = OlmAccount()
        self.both("save_account", self.account)
        self.phones: dict[tuple[str, str], Phone] = {}
        self.sessions: list[tuple[str, object]] = []
        self.room_keys: list[InboundGroupSession] = []

    def _open(self) -> None:
        self.ours, self.nios = ours(self._ours), nios(self._nios, quick=True)
        self.ours._records._db.execute("PRAGMA synchronous=OFF")

    def both(self, method: str, *given: object) -> None:
        results = []
        for store in (self.nios, self.ours):
            try:
                results.append(getattr(store, method)(*given))
            except (AssertionError, KeyError):
                results.append("refused")
        assert results[0] == results[1], method

    @rule()
    def process_restarts(self) -> None:
        self._close()
        self._open()

    @rule(count=st.integers(1, 3), published=st.booleans())
    def account_changes(self, count: int, published: bool) -> None:
        self.account.generate_one_time_keys(count)
        if published:
            self.account.shared = True
            self.account.mark_keys_as_published()
        self.both("save_account", self.account)

    @rule(of=st.sampled_from(_PEOPLE), id_=st.sampled_from(_PHONES), known=st.booleans())
    def phone_appears(self, of: str, id_: str, known: bool) -> None:
        phone = self.phones.setdefault((of, id_), Phone(of, id_))
        if known:
            self.both("save_device_keys", {of: {id_: phone.device}})

    @precondition(lambda self: self.phones)
    @rule(data=st.data(), deleted=st.booleans(), new_key=st.booleans())
    def phones_change(self, data: st.DataObject, deleted: bool, new_key: bool) -> None:
        changed: dict[str, dict[str, object]] = {}
        for who in data.draw(st.sets(st.sampled_from(sorted(self.phones)), min_size=1)):
            device = self.phones[who].device
            device.deleted = deleted
            if new_key:
                device.curve25519 = OlmAccount().identity_keys["curve25519"]
            changed.setdefault(who[0], {})[who[1]] = device
        self.both("save_device_keys", changed)

    @precondition(lambda self: self.phones)
    @rule(data=st.data(), method=st.sampled_from(_TRUST))
    def trust(self, data: st.DataObject, method: str) -> None:
        who = data.draw(st.sampled_from(sorted(self.phones)))
        # Each store with an object of its own: both write the new state into it.
        states = []
        results = []
        for store in (self.nios, self.ours):
            known = store.load_device_keys()[who[0]].get(who[1]) or self.phones[who].device
            try:
                results.append(getattr(store, method)(known))
            except (AssertionError, KeyError):
                results.append("refused")
            states.append(known.trust_state)
        assert results[0] == results[1]
        assert states[0] == states[1]

    @rule(data=st.data())
    def all_of_them_are_ignored(self, data: st.DataObject) -> None:
        kept = sorted((d.user_id, d.id) for d in self.nios.load_device_keys())
        some = data.draw(st.sets(st.sampled_from(kept))) if kept else set()
        self.both("ignore_devices", [self.phones[who].device for who in sorted(some)])

    @precondition(lambda self: self.phones)
    @rule(data=st.data())
    def session_begins(self, data: st.DataObject) -> None:
        phone = self.phones[data.draw(st.sampled_from(sorted(self.phones)))]
        self.sessions.append((phone.device.curve25519, phone.session(self.account)))
        self.both("save_account", self.account)
        self.both("save_session", *self.sessions[-1])

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def session_is_used(self, data: st.DataObject) -> None:
        sender, session = data.draw(st.sampled_from(self.sessions))
        session.encrypt("hola")
        self.both("save_session", sender, session)

    @precondition(lambda self: self.phones)
    @rule(data=st.data(), room=st.sampled_from(_ROOMS), forwarded=st.integers(0, 2))
    def room_key_comes(self, data: st.DataObject, room: str, forwarded: int) -> None:
        phone = self.phones[data.draw(st.sampled_from(sorted(self.phones)))]
        chain = sorted(OlmAccount().identity_keys["curve25519"] for _ in range(forwarded))
        self.room_keys.append(phone.room_key(room, chain))
        self.both("save_inbound_group_session", self.room_keys[-1])

    @precondition(lambda self: self.room_keys)
    @rule(data=st.data(), index=st.integers(0, 3))
    def room_key_comes_again(self, data: st.DataObject, index: int) -> None:
        key = data.draw(st.sampled_from(self.room_keys))
        again = InboundGroupSession.import_session(
            key.export_session(index), key.ed25519, key.sender_key, key.room_id,
            key.forwarding_chain,
        )  # fmt: skip
        self.both("save_inbound_group_session", again)

    @rule(rooms=st.sets(st.sampled_from(_ROOMS)))
    def rooms_are_encrypted(self, rooms: set[str]) -> None:
        self.both("save_encrypted_rooms", rooms)

    @rule(room=st.sampled_from(_ROOMS))
    def room_is_forgotten(self, room: str) -> None:
        self.both("delete_encrypted_room", room)

    @rule(id_=st.sampled_from("abc"), room=st.sampled_from(_ROOMS))
    def key_is_asked_for(self, id_: str, room: str) -> None:
        self.both("add_outgoing_key_request", OutgoingKeyRequest(id_, f"s{id_}", room, "megolm"))

    @rule(id_=st.sampled_from("abc"))
    def key_is_not_asked_for(self, id_: str) -> None:
        self.both("remove_outgoing_key_request", OutgoingKeyRequest(id_, "", "", ""))

    @invariant()
    def both_give_the_same(self) -> None:
        if hasattr(self, "ours"):
            assert contents(self.ours) == contents(self.nios)

    def _close(self) -> None:
        self.ours.close()
        self.nios.database.close()

    def teardown(self) -> None:
        if hasattr(self, "ours"):
            self._close()
            self._folder.cleanup()


TestSameAsNios = SameAsNios.TestCase
TestSameAsNios.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
