"""nio's store interface over sealed records (`nio.store.MatrixStore` says what each method does).

What is the device's own (its account, its Olm sessions, its requests) is kept for the device. What
the bot knows of others (room keys, devices and trust in them, which rooms are encrypted) is kept for
the user, so that a new device of the bot still reads what was written to the old one, and still
distrusts whom it distrusted. nio's own stores forget both with the device.

nio's sync token is not kept: ours is stored with the events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime

from nio.crypto import (  # type: ignore[import-untyped]
    DeviceStore,
    GroupSessionStore,
    InboundGroupSession,
    OlmAccount,
    OlmDevice,
    OutgoingKeyRequest,
    Session,
    SessionStore,
    TrustState,
)

from bot.platforms.matrix.store.records import Records
from bot.platforms.matrix.store.seen import SeenMessages


class CryptoStore:
    """The store of one device of the bot. Every method raises `PlatformError` if it cannot."""

    def __init__(self, user_id: str, device_id: str, records: Records) -> None:
        self.user_id = user_id
        self.device_id = device_id
        self._records = records
        self._pickle = records.keys.pickle
        device, user = (user_id, device_id), (user_id,)
        self._account = records.shelf("account", *device)
        self._sessions = records.shelf("session", *device)
        self._requests = records.shelf("request", *device)
        self._room_keys = records.shelf("room key", *user)
        self._devices = records.shelf("device", *user)
        self._trusted = records.shelf("trust", *user)
        self._rooms = records.shelf("room", *user)
        self._messages = records.shelf("message", *user)
        # Asked for each device at each message, so it is answered from memory.
        self._trust = {(of, id_): TrustState(state) for of, id_, state in self._trusted}
        self._encrypted = {room for (room,) in self._rooms}

    def seen_messages(self, own: str) -> SeenMessages:
        """For nio, which would forget them; `own` is this device's key."""
        return SeenMessages(self._messages, own)

    def together(self) -> AbstractContextManager[None]:
        """See `Records.together`."""
        return self._records.together()

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        self._records.close()

    # --- the device's own -------------------------------------------------------------------

    def load_account(self) -> OlmAccount | None:
        """The device's long-lived keys, or None for a device that is new here."""
        for pickle, shared in self._account:
            return OlmAccount.from_pickle(pickle.encode(), self._pickle, shared)
        return None

    def save_account(self, account: OlmAccount) -> None:
        """Keep them."""
        self._account.put((), [account.pickle(self._pickle).decode(), account.shared])

    def load_sessions(self) -> SessionStore:
        """The Olm sessions with other devices."""
        store = SessionStore()
        for sender_key, created, pickle in self._sessions:
            made = datetime.fromisoformat(created)
            store.add(sender_key, Session.from_pickle(pickle.encode(), made, self._pickle))
        return store

    def save_session(self, curve_key: str, session: Session) -> None:
        """Keep one, as it is after this message."""
        value = [
            curve_key,
            session.creation_time.isoformat(),
            session.pickle(self._pickle).decode(),
        ]
        self._sessions.put((curve_key, session.id), value)

    def load_outgoing_key_requests(self) -> dict[str, OutgoingKeyRequest]:
        """The room keys that the device asked for and did not get."""
        return {values[0]: OutgoingKeyRequest(*values) for values in self._requests}

    def add_outgoing_key_request(self, key_request: OutgoingKeyRequest) -> None:
        """Keep one; a second of the same id changes nothing."""
        name = (key_request.request_id,)
        if not self._requests.has(name):
            value = [
                key_request.request_id,
                key_request.session_id,
                key_request.room_id,
                key_request.algorithm,
            ]
            self._requests.put(name, value)

    def remove_outgoing_key_request(self, key_request: OutgoingKeyRequest) -> None:
        """Take it away: the key has come."""
        self._requests.drop((key_request.request_id,))

    # --- the user's -------------------------------------------------------------------------

    def load_inbound_group_sessions(self) -> GroupSessionStore:
        """The room keys (Megolm) that were given to any device of the bot."""
        store = GroupSessionStore()
        for room_id, sender_key, signing_key, chain, pickle in self._room_keys:
            store.add(
                InboundGroupSession.from_pickle(
                    pickle.encode(), signing_key, sender_key, room_id, self._pickle, chain
                )
            )
        return store

    def save_inbound_group_session(self, session: InboundGroupSession) -> None:
        """Keep one. Unlike in nio's stores it replaces none that came from somebody else."""
        value = [
            session.room_id,
            session.sender_key,
            session.ed25519,
            session.forwarding_chain,
            session.pickle(self._pickle).decode(),
        ]
        self._room_keys.put((session.room_id, session.sender_key, session.id), value)

    def load_device_keys(self) -> DeviceStore:
        """The devices of people, with the trust in them."""
        store = DeviceStore()
        for user_id, device_id, keys, display_name, deleted in self._devices:
            trust = self._trust.get((user_id, device_id), TrustState.unset)
            device = OlmDevice(user_id, device_id, keys, display_name, deleted, trust)
            # Not by its `add`, which compares with every device that is there already.
            store[user_id][device_id] = device
        return store

    def save_device_keys(self, device_keys: Mapping[str, Mapping[str, OlmDevice]]) -> None:
        """Keep devices; the trust in them stays."""
        with self.together():
            for user_id, devices in device_keys.items():
                for device_id, device in devices.items():
                    value = [
                        user_id, device_id, device.keys, device.display_name, device.deleted
                    ]  # fmt: skip
                    self._devices.put((user_id, device_id), value)

    def load_encrypted_rooms(self) -> set[str]:
        """The rooms that were seen to be encrypted."""
        return set(self._encrypted)

    def save_encrypted_rooms(self, rooms: Iterable[str]) -> None:
        """Keep more of them; called at each sync."""
        with self.together():
            for room in set(rooms) - self._encrypted:
                self._rooms.put((room,), [room])
                self._encrypted.add(room)

    def delete_encrypted_room(self, room: str) -> None:
        """Forget one."""
        self._encrypted.discard(room)
        self._rooms.drop((room,))

    # --- trust ------------------------------------------------------------------------------

    def verify_device(self, device: OlmDevice) -> bool:
        """False if nothing had to change, as all of these; KeyError if the device is not kept."""
        return self.set_trust(device, TrustState.verified)

    def unverify_device(self, device: OlmDevice) -> bool:
        """Back to undecided, if it was verified."""
        return self._ends(device, TrustState.verified)

    def is_device_verified(self, device: OlmDevice) -> bool:
        """Whether it was."""
        return self._is(device, TrustState.verified)

    def blacklist_device(self, device: OlmDevice) -> bool:
        """Give it no room keys any more."""
        return self.set_trust(device, TrustState.blacklisted)

    def unblacklist_device(self, device: OlmDevice) -> bool:
        """Back to undecided, if it was blacklisted."""
        return self._ends(device, TrustState.blacklisted)

    def is_device_blacklisted(self, device: OlmDevice) -> bool:
        """Whether it was."""
        return self._is(device, TrustState.blacklisted)

    def ignore_device(self, device: OlmDevice) -> bool:
        """Give it room keys although nobody verified it."""
        return self.set_trust(device, TrustState.ignored)

    def unignore_device(self, device: OlmDevice) -> bool:
        """Back to undecided, if it was ignored."""
        return self._ends(device, TrustState.ignored)

    def is_device_ignored(self, device: OlmDevice) -> bool:
        """Whether it was."""
        return self._is(device, TrustState.ignored)

    def ignore_devices(self, devices: list[OlmDevice]) -> None:
        """`ignore_device` for many."""
        with self.together():
            for device in devices:
                self.set_trust(device, TrustState.ignored)
                device.trust_state = TrustState.ignored

    def set_trust(self, device: OlmDevice, state: TrustState) -> bool:
        """What `verify_device` and its like do; for a store that is copied."""
        who = (device.user_id, device.id)
        if self._trust.get(who, TrustState.unset) is state:
            return False
        if not self._devices.has(who):
            raise KeyError("the device is not kept")
        self._trust[who] = device.trust_state = state
        self._trusted.put(who, [*who, state.value])
        return True

    def _ends(self, device: OlmDevice, state: TrustState) -> bool:
        return self._is(device, state) and self.set_trust(device, TrustState.unset)

    def _is(self, device: OlmDevice, state: TrustState) -> bool:
        return self._trust.get((device.user_id, device.id)) is state
