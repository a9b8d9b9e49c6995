"""Signed JSON, and what a server says about a person's keys, as far as the signatures bear it out.

Source: Matrix appendices, "Signing JSON"; client-server API, "Cross-signing", "Key and signature
security": keys are told apart by themselves and never by their ids.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_Json = Mapping[str, Any]


def canonical(value: _Json) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8 (Matrix appendices)."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def unpadded(data: bytes) -> str:
    """Base64 without padding, as Matrix writes keys and signatures."""
    return base64.b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """The opposite of `unpadded`. Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def bare(value: _Json) -> dict[str, Any]:
    """What a signature is over: everything but `signatures` and `unsigned`."""
    return {key: of for key, of in value.items() if key not in ("signatures", "unsigned")}


def signed_by(value: _Json, user_id: str, key_id: str, public: str) -> bool | None:
    """Whether `value` bears `user_id`'s valid signature under `key_id`, made with `public`.

    None if it bears none at all; False for one that is wrong.
    """
    of_user = _object(_object(value.get("signatures")).get(user_id))
    signature = of_user.get(f"ed25519:{key_id}")
    if signature is None:
        return None
    try:
        key = Ed25519PublicKey.from_public_bytes(decoded(public))
        key.verify(decoded(signature), canonical(bare(value)))
    except (InvalidSignature, ValueError, TypeError, AttributeError, binascii.Error):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Device:
    """A device that holds the keys it names: its own signature is valid.

    `signed`: whether the person's self-signing key signed it; None without any such signature.
    """

    ed25519: str
    curve25519: str
    signed: bool | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """The keys of one person as a server gives them. "" where it gives none that is valid.

    `forged` names a self-signing key that the master key did not sign although it says so, or that
    shares its id with a device.
    """

    master: str = ""
    signing: str = ""
    forged: str = ""
    devices: Mapping[str, Device] = field(default_factory=dict)


def served(user_id: str, answer: _Json) -> Served:
    """Read an answer to `keys/query` for one person; whatever is malformed is as if not there."""
    raw = _object(_object(answer.get("device_keys")).get(user_id))
    master = _public(answer.get("master_keys"), user_id, "master")
    signing = _public(answer.get("self_signing_keys"), user_id, "self_signing")
    forged = ""
    if signing:
        key = _object(_object(answer.get("self_signing_keys")).get(user_id))
        vouched = signed_by(key, user_id, master, master) if master else None
        # A device with a key's name could pass its own signatures off as that key's.
        if vouched is False or {master, signing} & set(raw):
            forged = signing
        if not vouched or forged:
            signing = ""
    devices = {}
    for device_id, keys in raw.items():
        device = _device(user_id, device_id, keys, signing)
        if device is not None:
            devices[device_id] = device
    return Served(master, signing, forged, devices)


def _device(user_id: str, device_id: str, keys: object, signing: str) -> Device | None:
    value = _object(keys)
    public = _object(value.get("keys"))
    ed25519 = public.get(f"ed25519:{device_id}")
    curve25519 = public.get(f"curve25519:{device_id}")
    named = value.get("user_id") == user_id and value.get("device_id") == device_id
    if not named or not _is_key(ed25519) or not _is_key(curve25519):
        return None
    if not signed_by(value, user_id, device_id, ed25519):
        return None
    signed = signed_by(value, user_id, signing, signing) if signing else None
    return Device(ed25519, curve25519, signed)


def _public(keys: object, user_id: str, usage: str) -> str:
    """The one public key of this object, if it says that it is this person's, for this use."""
    value = _object(_object(keys).get(user_id))
    public = _object(value.get("keys"))
    use = value.get("usage")
    if value.get("user_id") != user_id or not isinstance(use, list) or usage not in use:
        return ""
    if len(public) != 1:
        return ""
    key_id, key = next(iter(public.items()))
    return key if _is_key(key) and key_id == f"ed25519:{key}" else ""


def _is_key(value: object) -> TypeGuard[str]:
    if not isinstance(value, str):
        return False
    try:
        return len(decoded(value)) == 32
    except ValueError:
        return False


def _object(value: object) -> _Json:
    return value if isinstance(value, Mapping) else {}
