"""What a server says about Ana's keys is believed as far as Ana's own keys bear it out."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.base import Change
from bot.platforms.matrix.cross_signing import Identity
from bot.platforms.matrix.identities import Identities
from bot.platforms.matrix.identity import Record
from bot.platforms.matrix.secrets import AccountSecrets
from bot.platforms.matrix.signing import Served, canonical, served, unpadded
from tests.support.matrix_bot import MemorySecrets, People

ANA = "@ana:example.org"


class App:
    """A device with its keys, as an app would publish them."""

    def __init__(self, device_id: str) -> None:
        self.id = device_id
        self.key = Ed25519PrivateKey.generate()
        self.ed25519 = unpadded(self.key.public_key().public_bytes_raw())

    def published(self, user_id: str = ANA) -> dict[str, Any]:
        keys = {
            "user_id": user_id,
            "device_id": self.id,
            "algorithms": [],
            "keys": {
                f"ed25519:{self.id}": self.ed25519,
                f"curve25519:{self.id}": unpadded(b"c" * 32),
            },
        }
        signature = unpadded(self.key.sign(canonical(keys)))
        return {**keys, "signatures": {user_id: {f"ed25519:{self.id}": signature}}}


def answer(identity: Identity | None, *devices: dict[str, Any]) -> dict[str, Any]:
    """What `keys/query` answers about Ana."""
    body: dict[str, Any] = {"device_keys": {ANA: {d["device_id"]: d for d in devices}}}
    if identity is not None:
        upload = identity.upload()
        body["master_keys"] = {ANA: upload["master_key"]}
        body["self_signing_keys"] = {ANA: upload["self_signing_key"]}
    return body


def signed(identity: Identity, app: App) -> dict[str, Any]:
    return identity.signed(app.published(), "self_signing")


def look(*answers: dict[str, Any]) -> Record:
    """The record after these answers, one after the other."""
    record = Record()
    for one in answers:
        record = record.seen(served(ANA, one))
    return record


ana, phone, tablet = Identity.new(ANA), App("PHONE"), App("TABLET")
FIRST = answer(ana, signed(ana, phone))


def test_a_device_is_proven_by_the_first_identity_and_no_other() -> None:
    record = look(FIRST)
    assert record.proven(served(ANA, FIRST)) == {"PHONE": phone.ed25519}
    assert not record.doubts
    both = answer(ana, signed(ana, phone), tablet.published())
    assert record.seen(served(ANA, both)).proven(served(ANA, both)) == {"PHONE": phone.ed25519}


def test_other_keys_of_the_person_are_a_doubt_that_a_person_settles() -> None:
    other = Identity.new(ANA)
    now = answer(other, signed(other, phone))
    record = look(FIRST, now, now)
    assert [(d.number, d.what) for d in record.doubts] == [(1, Change.IDENTITY)]
    assert record.proven(served(ANA, now)) == {}
    # Going back to the first keys settles nothing: somebody had others in between.
    assert record.seen(served(ANA, FIRST)).proven(served(ANA, FIRST)) == {}
    confirmed = record.confirmed(1).seen(served(ANA, now))
    assert confirmed.proven(served(ANA, now)) == {"PHONE": phone.ed25519}
    assert [d.what for d in confirmed.seen(served(ANA, FIRST)).doubts] == [Change.IDENTITY]


def test_a_device_id_that_comes_back_with_other_keys() -> None:
    stolen = App("PHONE")
    now = answer(ana, signed(ana, stolen))
    record = look(FIRST, now)
    assert [(d.what, d.about) for d in record.doubts] == [(Change.DEVICE, "PHONE")]
    assert record.proven(served(ANA, now)) == {}
    # Also after the device was away for a while.
    record = look(FIRST, answer(ana), now)
    assert [d.what for d in record.doubts] == [Change.DEVICE]
    confirmed = record.confirmed(1).seen(served(ANA, now))
    assert confirmed.proven(served(ANA, now)) == {"PHONE": stolen.ed25519}


def test_a_signature_that_is_wrong_and_one_that_is_missing() -> None:
    forged = signed(ana, phone)
    key = next(k for k in forged["signatures"][ANA] if k != "ed25519:PHONE")
    forged["signatures"][ANA][key] = unpadded(b"s" * 64)
    record = look(answer(ana, forged))
    assert [d.what for d in record.doubts] == [Change.SIGNATURE]
    # Once a person has looked at it, the same signature is no news, and still proves nothing.
    settled = record.confirmed(1).seen(served(ANA, answer(ana, forged)))
    assert not settled.doubts
    assert settled.proven(served(ANA, answer(ana, forged))) == {}
    missing = look(answer(ana, phone.published()))
    assert not missing.doubts
    assert missing.proven(served(ANA, answer(ana, phone.published()))) == {}


def test_a_self_signing_key_of_somebody_else() -> None:
    evil = Identity.new(ANA)
    now = answer(ana, signed(evil, tablet))
    now["self_signing_keys"] = {ANA: evil.upload()["self_signing_key"]}
    assert served(ANA, now).signing == ""  # the master key that is served has not signed it
    record = look(FIRST, now)
    assert record.proven(served(ANA, now)) == {}
    # The same, with a signature that says that the master key made it.
    key = dict(now["self_signing_keys"][ANA])
    name = f"ed25519:{ana.public('master')}"
    key["signatures"] = {ANA: {name: next(iter(key["signatures"][ANA].values()))}}
    now["self_signing_keys"] = {ANA: key}
    assert [d.what for d in look(FIRST, now).doubts] == [Change.SIGNATURE]


def test_a_server_that_goes_back_to_an_earlier_signing_key() -> None:
    renewed = Identity(ANA, {**ana.keys, "self_signing": Ed25519PrivateKey.generate()})
    second = answer(renewed, signed(renewed, phone))
    record = look(FIRST, second)
    assert not record.doubts
    assert record.proven(served(ANA, second)) == {"PHONE": phone.ed25519}
    back = record.seen(served(ANA, FIRST))
    assert [d.what for d in back.doubts] == [Change.SIGNATURE]


def test_a_device_named_like_a_signing_key_proves_nothing() -> None:
    trap = App(ana.public("self_signing"))
    now = answer(ana, signed(ana, phone), trap.published())
    assert served(ANA, now).signing == ""
    assert [d.what for d in look(FIRST, now).doubts] == [Change.SIGNATURE]


def test_a_server_that_withholds_the_identity_takes_proof_away_and_adds_none() -> None:
    now = answer(None, signed(ana, phone))
    record = look(FIRST, now)
    assert record.master == ana.public("master")
    assert record.proven(served(ANA, now)) == {}
    assert record.seen(served(ANA, FIRST)).proven(served(ANA, FIRST))


def test_compared_pictures_settle_everything_but_what_comes_after() -> None:
    other = Identity.new(ANA)
    now = answer(other, signed(other, phone), signed(other, tablet))
    record = look(FIRST, now).compared(other.public("master"), served(ANA, now))
    assert record.verified
    assert set(record.proven(served(ANA, now))) == {"PHONE", "TABLET"}
    assert record.seen(served(ANA, FIRST)).doubts


def test_many_doubts_are_one_question_at_a_time_and_bounded() -> None:
    record = look(FIRST)
    for _ in range(100):
        record = record.seen(served(ANA, answer(Identity.new(ANA))))
    assert len(record.doubts) == 20
    first = record.untold()
    assert first is not None
    told = record.with_told(record.doubts[-1].number)
    assert told.untold() is None
    left = told.confirmed(told.doubts[4].number)
    assert left.untold() is None  # the question that is open is about these as well
    assert left.confirmed(left.doubts[-1].number).doubts == ()


def test_too_many_devices_leave_the_rest_unproven() -> None:
    apps = [App(f"D{number:04}") for number in range(250)]
    now = answer(ana, *(signed(ana, app) for app in apps))
    assert len(look(now).proven(served(ANA, now))) == 200


def test_what_is_kept_is_what_was_known() -> None:
    other = Identity.new(ANA)
    record = look(FIRST, answer(other, signed(other, App("PHONE")))).with_told(1)
    assert Record.from_json(record.to_json()) == record


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(json, json, json)
def test_garbage_is_no_identity(master: Any, signing: Any, devices: Any) -> None:
    body = {
        "master_keys": {ANA: master},
        "self_signing_keys": {ANA: signing},
        "device_keys": {ANA: devices},
    }
    found = served(ANA, body)
    assert (found.master, found.signing, dict(found.devices)) == ("", "", {})
    assert Record().seen(found) == Record().seen(Served())


@given(st.sampled_from(["user_id", "device_id", "keys", "algorithms", "signatures"]), json)
def test_a_device_that_was_changed_on_its_way_is_none(field: str, value: Any) -> None:
    changed = {**signed(ana, phone), field: value}
    if changed != signed(ana, phone) and changed.get("device_id") == "PHONE":
        assert served(ANA, answer(ana, changed)).devices == {}


async def test_names_of_what_is_kept_tell_nothing_without_the_key() -> None:
    """Whoever has the database and guesses an account must not be able to see that it is there."""
    names = []
    for secret in ("one", "another"):
        store = MemorySecrets()
        secrets = AccountSecrets(store, "@acuerpa:example.org")
        served_now = served(ANA, answer(Identity.new(ANA), App("A").published()))
        await Identities(secrets, People(), secret).look({ANA: served_now})
        await Identities(secrets, People(), secret).look({ANA: served_now})
        (name,) = store.kept
        names.append(name)
        assert sha256(ANA.encode()).hexdigest()[:16] not in name
    assert names[0] != names[1]
