"""What a crypto store holds, made without a homeserver: accounts, sessions, room keys, devices."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nio.crypto import (  # type: ignore[import-untyped]
    InboundGroupSession,
    OlmAccount,
    OlmDevice,
    OutboundGroupSession,
    OutboundSession,
    OutgoingKeyRequest,
)
from nio.store import SqliteStore  # type: ignore[import-untyped]

from bot.platforms.matrix.store import CryptoStore, opened

SECRET = "5e" * 32
BOT = "@acuerpa-bot:refugio.example"
DEVICE = "BOTPHONEXY"
ROOM = "!sala-de-la-colmena:refugio.example"
FILE = "crypto.db"


def ours(folder: Path, *, device: str = DEVICE, secret: str = SECRET) -> CryptoStore:
    """Our store in this folder."""
    return opened(folder / FILE, secret, BOT, device)


def nios(folder: Path, *, device: str = DEVICE, quick: bool = False) -> SqliteStore:
    """nio's own; `quick` without waiting for the disk."""
    store = SqliteStore(BOT, device, str(folder), SECRET, FILE)
    if quick:
        store.database.execute_sql("PRAGMA synchronous=OFF")
    return store


class Phone:
    """The device of a person, with what it takes to write to it."""

    def __init__(self, user_id: str, device_id: str) -> None:
        self.account = OlmAccount()
        keys = dict(self.account.identity_keys)
        self.device = OlmDevice(user_id, device_id, keys, f"phone of {user_id}")

    @property
    def curve(self) -> str:
        """The key under which sessions with it are kept."""
        return str(self.device.curve25519)

    def session(self, own: OlmAccount) -> OutboundSession:
        """A new Olm session from `own` to this phone."""
        self.account.generate_one_time_keys(1)
        (key,) = self.account.one_time_keys["curve25519"].values()
        self.account.mark_keys_as_published()
        return OutboundSession(own, self.curve, key)

    def room_key(self, room: str, chain: list[str] | None = None) -> InboundGroupSession:
        """The key of what this phone writes in a room."""
        secret = OutboundGroupSession().session_key
        return InboundGroupSession(secret, self.device.ed25519, self.curve, room, chain)


def colmena() -> Iterator[Phone]:
    """The phones of three people."""
    for name in ("ana", "berta", "carla"):
        yield Phone(f"@{name}-de-la-colmena:refugio.example", f"{name.upper()}PHONE")


def fill(store: Any) -> None:
    """One bot, three people, four phones, a room: some of everything that can be kept."""
    account = OlmAccount()
    account.generate_one_time_keys(5)
    store.save_account(account)
    phones = [*colmena(), Phone("@berta-de-la-colmena:refugio.example", "OLDTABLET")]
    devices: dict[str, dict[str, OlmDevice]] = {}
    for phone in phones:
        devices.setdefault(phone.device.user_id, {})[phone.device.id] = phone.device
        store.save_session(phone.curve, phone.session(account))
        store.save_session(phone.curve, phone.session(account))
        store.save_inbound_group_session(phone.room_key(ROOM))
    store.save_inbound_group_session(phones[0].room_key(ROOM, [phones[1].curve]))
    store.save_device_keys(devices)
    store.verify_device(phones[0].device)
    store.blacklist_device(phones[3].device)
    store.ignore_devices([phones[1].device])
    store.save_encrypted_rooms({ROOM, "!otra-sala:refugio.example"})
    store.add_outgoing_key_request(
        OutgoingKeyRequest("peticion-1", "sesion-perdida", ROOM, "m.megolm.v1.aes-sha2")
    )


def copy_into_nios(store: CryptoStore, folder: Path) -> None:
    """The same device in a new folder as nio's own store keeps it."""
    folder.mkdir()
    other = SqliteStore(store.user_id, store.device_id, str(folder), SECRET, FILE)
    other.save_account(store.load_account())
    for sender, sessions in store.load_sessions().items():
        for session in sessions:
            other.save_session(sender, session)
    for key in store.load_inbound_group_sessions():
        other.save_inbound_group_session(key)
    devices = store.load_device_keys()
    other.save_device_keys(dict(devices.items()))
    other.ignore_devices([device for device in devices if store.is_device_ignored(device)])
    other.save_encrypted_rooms(store.load_encrypted_rooms())
    for request in store.load_outgoing_key_requests().values():
        other.add_outgoing_key_request(request)
    other.database.close()


def contents(store: Any) -> Mapping[str, Any]:
    """Everything in a store as plain values, equal for equal stores."""
    account = store.load_account()
    return {
        "account": account and (_state(account), account.shared),
        "sessions": {
            (sender, session.id): (session.creation_time, _state(session), place)
            for sender, sessions in store.load_sessions().items()
            for place, session in enumerate(sessions)
        },
        "room keys": {
            (key.room_id, key.sender_key, key.id): (key.ed25519, key.forwarding_chain, _state(key))
            for key in store.load_inbound_group_sessions()
        },
        "devices": {
            (device.user_id, device.id): device.as_dict() for device in store.load_device_keys()
        },
        "rooms": store.load_encrypted_rooms(),
        "requests": store.load_outgoing_key_requests(),
    }


def names(things: Mapping[str, Any]) -> set[str]:
    """Each id and key of a person, room or session in `contents`."""
    found = set(things["rooms"])
    for sender, session in things["sessions"]:
        found |= {sender, session}
    for (room, sender, key), (signing, chain, _) in things["room keys"].items():
        found |= {room, sender, key, signing, *chain}
    for (user, device), kept in things["devices"].items():
        found |= {user, device, kept["display_name"], *kept["keys"].values()}
    for request in things["requests"].values():
        found |= {request.request_id, request.session_id, request.room_id}
    return found


def _state(thing: Any) -> str:
    """Two of nio's objects with the same have the same keys inside, at the same point."""
    return hashlib.sha256(thing.pickle("same for both")).hexdigest()
