"""One comparison of pictures: the arithmetic of `m.sas.v1`, started by the other side.

matrix-nio's own cannot speak with people's apps: it commits in hexadecimal where they use base64,
and takes the pictures from other bits. So this stands on vodozemac alone. Source: Matrix
client-server API, "Short Authentication String (SAS) verification".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import vodozemac
from nio.crypto.sas import Sas as NioSas  # type: ignore[import-untyped]

from bot.platforms.matrix.signing import canonical, unpadded

METHOD = "m.sas.v1"
_AGREEMENT = "curve25519-hkdf-sha256"
_HASH = "sha256"
_MAC = "hkdf-hmac-sha256.v2"
PICTURES: tuple[str, ...] = tuple(symbol for symbol, _ in NioSas.emoji)
"""All that there are, in the specification's order."""

_Json = Mapping[str, Any]


class SasError(Exception):
    """The exchange cannot go on; `code` is what `m.key.verification.cancel` says."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two: the account, the device, and the keys to vouch for by their ids."""

    user_id: str
    device_id: str
    keys: Mapping[str, str]


class Sas:
    """The exchange with one device. Raises `SasError` for whatever does not fit."""

    def __init__(self, ours: Party, theirs: Party, flow: str, start: _Json) -> None:
        self._ours = ours
        self._theirs = theirs
        self._flow = flow
        self._start = start
        self._secret = vodozemac.Sas()
        self._public = self._secret.public_key.to_base64()
        self._shared: vodozemac.EstablishedSas | None = None
        self._their_public = ""
        fits = (
            start.get("method") == METHOD
            and _offers(start, "key_agreement_protocols", _AGREEMENT)
            and _offers(start, "hashes", _HASH)
            and _offers(start, "message_authentication_codes", _MAC)
            and _offers(start, "short_authentication_string", "emoji")
        )
        if not fits:
            raise SasError("m.unknown_method")

    def accept(self) -> dict[str, Any]:
        """What was chosen, and the promise of our key, which comes only after theirs."""
        promised = self._public.encode() + canonical(self._start)
        return {
            "method": METHOD,
            "key_agreement_protocol": _AGREEMENT,
            "hash": _HASH,
            "message_authentication_code": _MAC,
            "short_authentication_string": ["emoji"],
            "commitment": unpadded(hashlib.sha256(promised).digest()),
        }

    def agree(self, content: _Json) -> dict[str, Any]:
        """Take their key and give ours."""
        key = str(content.get("key"))
        if self._shared is not None:
            raise SasError("m.unexpected_message")
        try:
            theirs = vodozemac.Curve25519PublicKey.from_base64(key)
            self._shared = self._secret.diffie_hellman(theirs)
        except ValueError as error:
            raise SasError("m.invalid_message") from error
        self._their_public = key
        return {"key": self._public}

    def pictures(self) -> tuple[str, ...]:
        """The seven pictures that both sides must show."""
        info = "|".join(
            (
                "MATRIX_KEY_VERIFICATION_SAS",
                self._theirs.user_id,
                self._theirs.device_id,
                self._their_public,
                self._ours.user_id,
                self._ours.device_id,
                self._public,
                self._flow,
            )
        )
        return tuple(PICTURES[index] for index in self._established().bytes(info).emoji_indices)

    def mac(self) -> dict[str, Any]:
        """We vouch for our keys."""
        ours = self._ours.keys
        info = self._info(self._ours, self._theirs)
        mac = {key_id: self._mac(key, info + key_id) for key_id, key in ours.items()}
        return {"mac": mac, "keys": self._mac(",".join(sorted(ours)), info + "KEY_IDS")}

    def vouched(self, content: _Json) -> frozenset[str]:
        """The ids of those of their keys, as we know them, that they vouch for."""
        mac = content.get("mac")
        if not isinstance(mac, Mapping) or not all(isinstance(id, str) for id in mac):
            raise SasError("m.invalid_message")
        info = self._info(self._theirs, self._ours)
        self._check(",".join(sorted(mac)), info + "KEY_IDS", content.get("keys"))
        known = [key_id for key_id in mac if key_id in self._theirs.keys]
        for key_id in known:
            self._check(self._theirs.keys[key_id], info + key_id, mac[key_id])
        return frozenset(known)

    def _info(self, of: Party, to: Party) -> str:
        parties = f"{of.user_id}{of.device_id}{to.user_id}{to.device_id}"
        return f"MATRIX_KEY_VERIFICATION_MAC{parties}{self._flow}"

    def _mac(self, value: str, info: str) -> str:
        return str(self._established().calculate_mac(value, info))

    def _check(self, value: str, info: str, mac: object) -> None:
        try:
            self._established().verify_mac(value, info, str(mac))  # in constant time
        except ValueError as error:
            raise SasError("m.key_mismatch") from error

    def _established(self) -> vodozemac.EstablishedSas:
        if self._shared is None:
            raise SasError("m.unexpected_message")
        return self._shared


def _offers(start: _Json, what: str, wanted: str) -> bool:
    offered = start.get(what)
    return isinstance(offered, list) and wanted in offered
