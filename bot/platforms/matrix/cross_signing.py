"""The bot's own cross-signing identity, which matrix-nio does not make.

Clients are told not to show messages from devices that their owner has not signed; without this
an alarm is sent and not shown. Source: Matrix client-server API, "Cross-signing", "Signing JSON".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nio import AsyncClient  # type: ignore[import-untyped]

from bot.platforms.base import PlatformError
from bot.platforms.matrix.http import Answer, call, path
from bot.platforms.matrix.secrets import AccountSecrets
from bot.platforms.matrix.signing import bare, canonical, signed_by, unpadded

_USAGES = ("master", "self_signing", "user_signing")
KEPT_AS = "cross_signing"
"""Among the account's secrets: `Identity.seeds`."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The three private keys of an account."""

    user_id: str
    keys: Mapping[str, Ed25519PrivateKey] = field(repr=False)

    @classmethod
    def new(cls, user_id: str) -> Identity:
        """Fresh random keys."""
        return cls(user_id, {usage: Ed25519PrivateKey.generate() for usage in _USAGES})

    @classmethod
    def from_seeds(cls, user_id: str, seeds: Mapping[str, str]) -> Identity:
        """The opposite of `seeds`."""
        return cls(
            user_id,
            {
                usage: Ed25519PrivateKey.from_private_bytes(base64.b64decode(seeds[usage]))
                for usage in _USAGES
            },
        )

    def seeds(self) -> dict[str, str]:
        """The private parts, base64, for keeping sealed."""
        return {
            usage: base64.b64encode(key.private_bytes_raw()).decode()
            for usage, key in self.keys.items()
        }

    def public(self, usage: str) -> str:
        """The public key, unpadded base64, which is also its id."""
        return unpadded(self.keys[usage].public_key().public_bytes_raw())

    def signed(self, value: Mapping[str, Any], usage: str) -> dict[str, Any]:
        """`value` with our signature added; `signatures` and `unsigned` are not signed over."""
        signature = unpadded(self.keys[usage].sign(canonical(bare(value))))
        signatures = {user: dict(of) for user, of in value.get("signatures", {}).items()}
        signatures.setdefault(self.user_id, {})[f"ed25519:{self.public(usage)}"] = signature
        return {**bare(value), "signatures": signatures}

    def upload(self) -> dict[str, Any]:
        """The body for `keys/device_signing/upload`: the master key signs the other two."""
        body: dict[str, Any] = {}
        for usage in _USAGES:
            public = self.public(usage)
            key = {
                "user_id": self.user_id,
                "usage": [usage],
                "keys": {f"ed25519:{public}": public},
            }
            body[f"{usage}_key"] = key if usage == "master" else self.signed(key, "master")
        return body

    def has_signed(self, device: Mapping[str, Any]) -> bool:
        """Whether this device's keys carry a valid signature of our self-signing key."""
        public = self.public("self_signing")
        return bool(signed_by(device, self.user_id, public, public))


@dataclass(frozen=True, slots=True)
class Own:
    """What we are to others: the public master key, by which people's apps know the bot over all
    its devices, and this device's keys, signed under it."""

    master: str
    device_keys: Mapping[str, Any]


async def ensure(client: AsyncClient, secrets: AccountSecrets, password: str | None) -> Own:
    """Make the account's identity if there is none, and have it sign this device.

    Keys are kept before they are published: a crash in between leaves keys that can still be
    published, the other order an account that nobody can sign for. Raises `PlatformError`, also if
    the server does not serve the signature afterwards; network errors pass through.
    """
    served = await _query(client)
    master = served.body.get("master_keys", {}).get(client.user_id, {}).get("keys", {})
    seeds = await secrets.get(KEPT_AS)
    if seeds is None:
        if master:
            raise PlatformError(_foreign(), final=True)
        identity = Identity.new(client.user_id)
        await secrets.set(KEPT_AS, identity.seeds())
    else:
        identity = Identity.from_seeds(client.user_id, seeds)
    if not master:
        await _publish(client, identity, password)
    elif identity.public("master") not in master.values():
        raise PlatformError(_foreign(), final=True)

    device = _device(served, client)
    if not identity.has_signed(device):
        await _sign_device(client, identity, device)
        if not identity.has_signed(_device(await _query(client), client)):
            raise PlatformError(
                "matrix.homeserver: the server does not serve the signature of the bot's device;"
                " check that it supports cross-signing"
            )
    signed = identity.signed(device, "self_signing")
    return Own(identity.public("master"), {k: v for k, v in signed.items() if k != "unsigned"})


def _foreign() -> str:
    return (
        "matrix.user_id: the account has cross-signing keys that this bot does not hold; use an"
        " account of the bot's own, restore the bot's database, or reset the account's identity"
    )


async def _query(client: AsyncClient) -> Answer:
    answer = await call(
        client, "POST", path("keys", "query"), {"device_keys": {client.user_id: []}}
    )
    return _checked(answer, "querying the bot's keys")


def _device(served: Answer, client: AsyncClient) -> Mapping[str, Any]:
    devices = served.body.get("device_keys", {}).get(client.user_id, {})
    device = devices.get(client.device_id)
    if not isinstance(device, dict):
        raise PlatformError("matrix.homeserver: the server does not serve the bot's device keys")
    return device


async def _publish(client: AsyncClient, identity: Identity, password: str | None) -> None:
    where = path("keys", "device_signing", "upload")
    answer = await call(client, "POST", where, identity.upload())
    session = answer.body.get("session")
    # Synapse asks no proof for a first upload; other servers do (user-interactive authentication).
    if answer.status == 401 and isinstance(session, str):
        if not _takes_password(answer.body.get("flows")):
            raise PlatformError(
                "matrix.homeserver: it does not take a password for publishing the bot's"
                " cross-signing keys; use a server, or an account, that does",
                final=True,
            )
        if not password:
            raise PlatformError(
                "matrix.password_file: the server asks for the password once, to publish the"
                " bot's cross-signing keys; set it and start again",
                final=True,
            )
        auth = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": client.user_id},
            "password": password,
            "session": session,
        }
        answer = await call(client, "POST", where, {**identity.upload(), "auth": auth})
        if answer.status in (401, 403):
            raise PlatformError(
                "matrix.password_file: the homeserver refuses the password of matrix.user_id;"
                " correct either",
                final=True,
            )
    _checked(answer, "publishing the bot's cross-signing keys")


def _takes_password(flows: object) -> bool:
    """Whether the password alone is enough."""
    return isinstance(flows, list) and any(
        isinstance(flow, Mapping) and flow.get("stages") == ["m.login.password"] for flow in flows
    )


async def _sign_device(client: AsyncClient, identity: Identity, device: Mapping[str, Any]) -> None:
    # Sign only what is really ours: the keys come from the server, which may have put in others.
    keys = device.get("keys", {})
    own = client.olm.account.identity_keys
    expected = {
        f"ed25519:{client.device_id}": own["ed25519"],
        f"curve25519:{client.device_id}": own["curve25519"],
    }
    if keys != expected:
        raise PlatformError(
            "matrix.homeserver: the server serves other keys for the bot's device than the bot"
            " has; the server may be hostile, or the crypto store was restored from an old copy",
            final=True,
        )
    body = {client.user_id: {client.device_id: identity.signed(device, "self_signing")}}
    answer = await call(client, "POST", path("keys", "signatures", "upload"), body)
    if _checked(answer, "signing the bot's device").body.get("failures"):
        raise PlatformError("matrix.homeserver: the server refused the device's signature")


def _checked(answer: Answer, what: str) -> Answer:
    if answer.ok:
        return answer
    raise PlatformError(f"matrix.homeserver: {what} failed: {answer.status} {answer.errcode}")
