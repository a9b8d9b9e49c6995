"""What is known of one person's keys: their identity as first seen, and what became of it. Pure.

Trust on first use: the first master key is the person's. Whatever later does not fit is a doubt
that a person has to settle; while there is one, nothing of this account is proven.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.platforms.base import Change
from bot.platforms.matrix.signing import Served

# Bounds on what a hostile server can make us keep. Beyond the first a device is never proven;
# beyond the second it makes no difference, since the account is in doubt anyway.
_DEVICES = 200
_DOUBTS = 20
_EARLIER = 20


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that does not fit. `about` is a device's id or a signing key, `key` what is new."""

    number: int
    what: Change
    about: str
    key: str


@dataclass(frozen=True, slots=True)
class Record:
    """One person's keys.

    `master` is the pinned key, "" before there was one; `verified` once pictures were compared.
    `signing` are the self-signing keys that it vouched for, the newest last. `devices` holds the
    key first seen under each device id, for ever: ids must not be used again. `accepted` are wrong
    signatures that a person has looked at. `told` is the newest doubt that was reported.
    """

    master: str = ""
    verified: bool = False
    signing: tuple[str, ...] = ()
    devices: Mapping[str, str] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()
    accepted: tuple[str, ...] = ()
    count: int = 0
    told: int = 0

    # --- what is proven ---

    def proven(self, served: Served) -> dict[str, str]:
        """The devices whose signatures lead to the pinned key, each with its Ed25519 key."""
        if self.doubts or not self.master or served.master != self.master:
            return {}
        return {
            device_id: device.ed25519
            for device_id, device in served.devices.items()
            if device.signed and self.devices.get(device_id) == device.ed25519
        }

    def untold(self) -> Doubt | None:
        """The doubt to report: the first one, if none that was reported is still open."""
        if self.doubts and self.doubts[0].number > self.told:
            return self.doubts[0]
        return None

    # --- what happens ---

    def seen(self, served: Served) -> Record:
        """The record after a look at what the server gives."""
        record = self
        if served.master and not record.master:
            record = replace(record, master=served.master)
        elif served.master and served.master != record.master:
            record = record._doubting(Change.IDENTITY, "", served.master)
        if record.master and served.master == record.master:
            record = record._signing_seen(served)
        for device_id, device in sorted(served.devices.items()):
            record = record._device_seen(device_id, device.ed25519, device.signed)
        return record

    def confirmed(self, number: int) -> Record:
        """A person asked: up to this doubt, all is as it should be."""
        record = self
        for doubt in self.doubts:
            if doubt.number > number:
                continue
            match doubt.what:
                case Change.IDENTITY:
                    record = replace(record, master=doubt.key, verified=False, signing=())
                case Change.DEVICE:
                    record = replace(record, devices={**record.devices, doubt.about: doubt.key})
                case Change.SIGNATURE:
                    accepted = (*record.accepted, f"{doubt.about} {doubt.key}")
                    record = replace(record, accepted=accepted[-_DOUBTS:])
        left = tuple(doubt for doubt in record.doubts if doubt.number > number)
        return replace(record, doubts=left)

    def compared(self, master: str, served: Served) -> Record:
        """Pictures were compared: this master key is the person's, and what it signs is theirs."""
        devices = {d: device.ed25519 for d, device in served.devices.items() if device.signed}
        return replace(
            self,
            master=master,
            verified=True,
            signing=self.signing if master == self.master else (),
            devices={**self.devices, **devices},
            doubts=(),
        )

    def forgotten(self, served: Served) -> Record:
        """Nobody counts on this account: what is served now is what it is known by."""
        return Record(count=self.count, told=self.count).seen(served)

    def with_told(self, number: int) -> Record:
        """The report of the doubts up to this one is stored."""
        return replace(self, told=number)

    # --- inside ---

    def _signing_seen(self, served: Served) -> Record:
        if served.forged:
            return self._doubting(Change.SIGNATURE, "", served.forged)
        if not served.signing or served.signing in self.signing[-1:]:
            return self
        if served.signing in self.signing:
            # An earlier key comes back: a server that goes back in time may hold the old one.
            return self._doubting(Change.SIGNATURE, "", served.signing)
        return replace(self, signing=(*self.signing, served.signing)[-_EARLIER:])

    def _device_seen(self, device_id: str, ed25519: str, signed: bool | None) -> Record:
        record = self
        known = record.devices.get(device_id)
        if known is None:
            if len(record.devices) < _DEVICES:
                record = replace(record, devices={**record.devices, device_id: ed25519})
        elif known != ed25519:
            record = record._doubting(Change.DEVICE, device_id, ed25519)
        if signed is False:
            record = record._doubting(Change.SIGNATURE, device_id, ed25519)
        return record

    def _doubting(self, what: Change, about: str, key: str) -> Record:
        same = any((d.what, d.about, d.key) == (what, about, key) for d in self.doubts)
        accepted = what is Change.SIGNATURE and f"{about} {key}" in self.accepted
        if same or accepted or len(self.doubts) >= _DOUBTS:
            return self
        doubt = Doubt(self.count + 1, what, about, key)
        return replace(self, doubts=(*self.doubts, doubt), count=doubt.number)

    # --- keeping ---

    def to_json(self) -> dict[str, Any]:
        """For the secret store."""
        return {
            "master": self.master,
            "verified": self.verified,
            "signing": list(self.signing),
            "devices": dict(self.devices),
            "doubts": [[d.number, d.what, d.about, d.key] for d in self.doubts],
            "accepted": list(self.accepted),
            "count": self.count,
            "told": self.told,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Record:
        """The opposite of `to_json`."""
        return cls(
            master=value["master"],
            verified=value["verified"],
            signing=tuple(value["signing"]),
            devices=dict(value["devices"]),
            doubts=tuple(Doubt(n, Change(what), of, key) for n, what, of, key in value["doubts"]),
            accepted=tuple(value["accepted"]),
            count=value["count"],
            told=value["told"],
        )
