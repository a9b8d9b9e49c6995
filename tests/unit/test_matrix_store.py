"""The crypto store names nobody, opens only as it was written, and never stays behind memory."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import stat
from contextlib import nullcontext
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest
from nio import SyncResponse
from nio.client import AsyncClientConfig
from nio.crypto import Olm, OlmAccount, OlmDevice
from nio.store import SqliteMemoryStore

from bot.platforms.base import PlatformError
from bot.platforms.matrix.client import Client
from bot.platforms.matrix.store import CryptoStore, records, sealed
from tests.support.crypto_things import (
    BOT,
    DEVICE,
    FILE,
    ROOM,
    SECRET,
    Phone,
    contents,
    fill,
    names,
    nios,
    ours,
)
from tests.support.each_line import Watch, in_a_child, killed_at_each_line
from tests.support.rawbytes import hits

OTHER = "a0" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


def filled(folder: Path) -> dict[str, Any]:
    """A store made, filled and closed; what it held."""
    store = ours(folder)
    fill(store)
    held = dict(contents(store))
    store.close()
    return held


def on_disk(folder: Path) -> dict[str, bytes]:
    """All that is stored; the index of the log (-shm) is no content."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.endswith("-shm")}


# --- what a thief sees --------------------------------------------------------------------------


def test_no_name_no_key_and_no_kind_stands_in_any_byte(folder: Path, tmp_path: Path) -> None:
    store = ours(folder)
    fill(store)
    secrets = {*names(contents(store)), BOT, DEVICE, "m.megolm.v1.aes-sha2", "ed25519", "device"}
    assert len(secrets) >= 40
    assert (folder / f"{FILE}-wal").stat().st_size > 0
    assert hits(folder, secrets) == []
    store.close()
    assert hits(folder, secrets) == []

    # The same eyes on nio's own store find nearly all of them.
    control = tmp_path / "nios"
    control.mkdir()
    plain = nios(control)
    fill(plain)
    kept = names(contents(plain))
    plain.database.close()
    assert {name for _, name in hits(control, kept)} == kept


def test_equal_values_and_short_and_long_names_look_alike(folder: Path) -> None:
    store = ours(folder)
    store.save_encrypted_rooms({"!a:b", "!" + 40 * "a" + ":b"})
    first = _envelopes(folder)
    assert len({len(sealed) for _, _, sealed in first[1:]}) == 1
    phone = Phone("@ana:b", "X")
    store.save_device_keys({"@ana:b": {"X": phone.device}})
    before = _envelopes(folder)
    assert len(before) == len(first) + 1
    store.save_device_keys({"@ana:b": {"X": phone.device}})
    assert len(_envelopes(folder)) == len(before)
    changed = set(_envelopes(folder)) - set(before)
    assert len(changed) == 2  # the head, and the same text under another nonce
    store.close()


def test_only_its_owner_enters_the_folder_and_reads_the_files(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    (folder / FILE).touch(0o644)
    (folder / FILE).chmod(0o644)
    store = ours(folder)
    fill(store)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    pragmas = {
        name: store._records._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "secure_delete")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}
    store.close()


# --- wrong keys and damage ----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["closed", "killed", "nios"])
def test_a_wrong_key_is_refused_in_one_line_and_nothing_is_touched(
    folder: Path, how: str
) -> None:
    if how == "nios":
        folder.mkdir()
        plain = nios(folder)
        fill(plain)
        plain.database.close()
    elif how == "killed":

        def live() -> None:
            fill(ours(folder))
            os.kill(os.getpid(), signal.SIGKILL)

        assert in_a_child(live) == signal.SIGKILL
    else:
        filled(folder)
    before = on_disk(folder)
    assert how != "killed" or before[f"{FILE}-wal"]
    with pytest.raises(PlatformError, match=r"^matrix\.store: .*key file") as caught:
        ours(folder, secret=OTHER)
    assert caught.value.final
    assert "\n" not in str(caught.value)
    assert on_disk(folder) == before
    right = ours(folder)
    assert right.load_account() is not None
    right.close()


def test_one_flipped_bit_in_an_envelope_is_refused_a_thousand_times(folder: Path) -> None:
    filled(folder)
    rng = random.Random(4)
    store = ours(folder)
    db = _editor(folder)
    rows = _envelopes(folder)
    assert len(rows) > 20
    refused = 0
    for _ in range(1000):
        table, row, sealed = rng.choice(rows[1:])
        bit = rng.randrange(len(sealed) * 8)
        broken = bytearray(sealed)
        broken[bit // 8] ^= 1 << bit % 8
        db.execute(f"UPDATE {table} SET sealed = ? WHERE {row}", (bytes(broken),))
        with pytest.raises(PlatformError, match="damaged"):
            contents(CryptoStore(BOT, DEVICE, store._records))
        refused += 1
        db.execute(f"UPDATE {table} SET sealed = ? WHERE {row}", (sealed,))
    assert refused == 1000
    contents(CryptoStore(BOT, DEVICE, store._records))
    store.close()
    for bit in range(0, len(rows[0][2]) * 8, 7):
        broken = bytearray(rows[0][2])
        broken[bit // 8] ^= 1 << bit % 8
        db.execute("UPDATE head SET sealed = ?", (bytes(broken),))
        with pytest.raises(PlatformError, match="key file, or is damaged"):
            ours(folder)
    db.close()


def test_two_envelopes_that_were_swapped_are_refused(folder: Path) -> None:
    filled(folder)
    store = ours(folder)
    db = _editor(folder)
    pairs = list(combinations(_envelopes(folder)[1:], 2))
    assert len(pairs) > 200
    for (table, one, first), (_, other, second) in pairs:
        for left, right in ((second, first), (first, second)):
            db.execute(f"UPDATE {table} SET sealed = ? WHERE {one}", (left,))
            db.execute(f"UPDATE {table} SET sealed = ? WHERE {other}", (right,))
            if left is second:
                with pytest.raises(PlatformError, match="damaged"):
                    contents(CryptoStore(BOT, DEVICE, store._records))
    contents(CryptoStore(BOT, DEVICE, store._records))
    store.close()
    db.close()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM record WHERE {one}",
        "UPDATE record SET shelf = (SELECT shelf FROM record WHERE {other}) WHERE {one}",
        "UPDATE record SET shelf = randomblob(32) WHERE {one}",
        "UPDATE record SET name = randomblob(32) WHERE {one}",
        "INSERT INTO record SELECT randomblob(32), name, sealed FROM record WHERE {one}",
        "DELETE FROM record",
        "DELETE FROM head",
        "DROP TABLE record",
    ],
)
def test_a_record_that_is_gone_moved_or_added_is_refused(folder: Path, change: str) -> None:
    held = filled(folder)
    db = _editor(folder)
    rows = _envelopes(folder)[1:]
    one = rows[0]
    other = next(row for row in rows if row[1][:20] != one[1][:20])
    db.execute("BEGIN")
    db.execute(change.format(one=one[1], other=other[1]))
    db.execute("COMMIT")
    db.close()
    with pytest.raises(PlatformError, match="damaged") as caught:
        ours(folder)
    assert caught.value.final
    assert held


def test_a_record_that_is_put_back_as_it_was_is_refused(folder: Path) -> None:
    filled(folder)
    store = ours(folder)
    tablet = store.load_device_keys()["@berta-de-la-colmena:refugio.example"]["OLDTABLET"]
    store.unblacklist_device(tablet)
    before = dict(_by_place(folder))
    store.blacklist_device(tablet)
    store.close()
    after = _by_place(folder)
    (place,) = (place for place in after if after[place] != before[place])
    db = _editor(folder)
    db.execute(f"UPDATE record SET sealed = ? WHERE {place}", (before[place],))
    db.close()
    with pytest.raises(PlatformError, match="damaged"):
        ours(folder)


def _by_place(folder: Path) -> dict[str, bytes]:
    return {place: sealed for _, place, sealed in _envelopes(folder)[1:]}


def test_a_file_with_any_damaged_bit_gives_all_or_is_refused(folder: Path) -> None:
    held = filled(folder)
    whole = (folder / FILE).read_bytes()
    rng = random.Random(11)
    refused = 0
    for _ in range(300):
        broken = bytearray(whole)
        broken[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        (folder / FILE).write_bytes(broken)
        store = None
        try:
            store = ours(folder)
            found = contents(store)
        except PlatformError:
            refused += 1
            continue
        finally:
            if store is not None:
                store.close()
            for beside in folder.glob(f"{FILE}-*"):
                beside.unlink()
        assert found == held
    assert refused > 50  # most of the file is unused space


def _editor(folder: Path) -> sqlite3.Connection:
    db = sqlite3.connect(folder / FILE, isolation_level=None)
    db.execute("PRAGMA synchronous=OFF")
    return db


def _envelopes(folder: Path) -> list[tuple[str, str, bytes]]:
    """Table, condition that finds the row, envelope; the head first."""
    db = _editor(folder)
    (head,) = db.execute("SELECT sealed FROM head").fetchone()
    found = db.execute("SELECT hex(shelf), hex(name), sealed FROM record").fetchall()
    db.close()
    return [("head", "1", head)] + [
        ("record", f"shelf = x'{shelf}' AND name = x'{name}'", sealed)
        for shelf, name, sealed in found
    ]


# --- never behind, never ahead ------------------------------------------------------------------


def test_a_full_disk_is_one_line_and_what_was_to_be_written_is_written_later(
    folder: Path,
) -> None:
    store = ours(folder)
    fill(store)
    pages = store._records._db.execute("PRAGMA page_count").fetchone()[0]
    store._records._db.execute(f"PRAGMA max_page_count = {pages}")
    ana = Phone("@ana:x", "A")
    keys = [ana.room_key(ROOM) for _ in range(30)]
    with pytest.raises(PlatformError, match=r"^matrix\.store: .*SQLITE_FULL") as caught:
        for key in keys:
            store.save_inbound_group_session(key)
    assert not caught.value.final
    with pytest.raises(PlatformError), store.together():
        for key in keys:
            store.save_inbound_group_session(key)
    store._records._db.execute("PRAGMA max_page_count = 100000")
    store.save_encrypted_rooms(set())  # the next sync, in which nothing happens
    held = contents(store)
    store.close()
    again = ours(folder)
    assert contents(again) == held
    assert {key.id for key in keys} <= {key for _, _, key in held["room keys"]}
    again.close()


def test_a_process_that_was_frozen_puts_nothing_back(folder: Path) -> None:
    frozen = ours(folder)
    fill(frozen)
    acting = ours(folder)
    with pytest.raises(PlatformError, match="another process"):
        frozen.save_account(OlmAccount())  # also before the other has written anything
    acting.save_account(OlmAccount())
    held = contents(acting)
    for work in (
        lambda: frozen.save_account(OlmAccount()),
        lambda: frozen.save_encrypted_rooms({"!new:x"}),
        lambda: frozen.remove_outgoing_key_request(
            frozen.load_outgoing_key_requests()["peticion-1"]
        ),
    ):
        with pytest.raises(PlatformError, match="another process"):
            work()
    frozen.close()
    assert contents(acting) == held
    acting.close()


def test_a_new_device_of_the_bot_reads_and_distrusts_as_the_old_one(folder: Path) -> None:
    held = filled(folder)
    new = ours(folder, device="NEWDEVICE")
    found = contents(new)
    assert found["account"] is None
    assert found["sessions"] == found["requests"] == {}
    for kind in ("room keys", "devices", "rooms"):
        assert found[kind] == held[kind]
    new.save_account(OlmAccount())
    new.close()
    old = ours(folder)
    assert contents(old) == held
    old.close()


def test_a_room_key_of_somebody_else_replaces_none(folder: Path) -> None:
    """Whoever has a room's key can pass it on as theirs, from a later message on."""
    store = ours(folder)
    key = Phone("@ana:x", "A").room_key(ROOM)
    store.save_inbound_group_session(key)
    passed_on = type(key).import_session(key.export_session(3), "other", "another", ROOM)
    store.save_inbound_group_session(passed_on)
    again = store.load_inbound_group_sessions()
    assert again.get(ROOM, key.sender_key, key.id).first_known_index == 0
    assert again.get(ROOM, "another", key.id).first_known_index == 3
    store.close()


# --- killed at any point ------------------------------------------------------------------------


def client(folder: Path) -> Client:
    """The bot's client over this folder, signed in without a server."""
    config = AsyncClientConfig(store=None, store_name=FILE, pickle_key=SECRET)
    made = Client("http://127.0.0.1:1", BOT, store_path=str(folder), config=config)
    made.restore_login(BOT, DEVICE, "token")
    return made


def told(folder: Path, answer: dict[str, Any], watch: Watch = nullcontext) -> Client:
    """A new process of the bot takes in what a sync answered."""

    async def live() -> Client:
        made = client(folder)
        with watch():
            await made.receive_response(SyncResponse.from_dict(answer))
        return made

    return asyncio.run(live())


def a_room_key_from_ana(folder: Path) -> tuple[dict[str, Any], tuple[str, str, str]]:
    """A sync with the first message of Ana's phone to the bot's device, and the key in it."""
    store = ours(folder)
    account = store.load_account()
    one_time_key = next(iter(account.one_time_keys["curve25519"].values()))
    store.close()
    bot = OlmDevice(BOT, DEVICE, dict(account.identity_keys))
    ana = Olm("@ana:x", "ANA", SqliteMemoryStore("@ana:x", "ANA"))
    ana.create_outbound_group_session(ROOM)
    key = ana.outbound_group_sessions[ROOM]
    session = ana.create_session(one_time_key, bot.curve25519)
    content = {
        "algorithm": "m.megolm.v1.aes-sha2",
        "room_id": ROOM,
        "session_id": key.id,
        "session_key": key.session_key,
    }
    event = {
        "type": "m.room.encrypted",
        "sender": "@ana:x",
        "content": ana._olm_encrypt(session, bot, "m.room_key", content),
    }
    answer = {
        "next_batch": "s2",
        "device_one_time_keys_count": {},
        "device_lists": {"changed": [], "left": []},
        "rooms": {"invite": {}, "join": {}, "leave": {}},
        "to_device": {"events": [event]},
        "presence": {"events": []},
        "account_data": {"events": []},
    }
    return answer, (ROOM, ana.account.identity_keys["curve25519"], key.id)


def test_killed_at_any_line_the_bot_still_gets_the_room_key(folder: Path, tmp_path: Path) -> None:
    """The message with the key opens once only; the sync that was not stored comes again."""
    filled(folder)
    answer, key = a_room_key_from_ana(folder)
    copy = tmp_path / "copy"

    def prepare() -> Any:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        return lambda watch: told(copy, answer, watch)

    places = 0
    for place in chain(
        killed_at_each_line(records, prepare, every=2), killed_at_each_line(sealed, prepare)
    ):
        restarted = told(copy, answer)
        assert restarted.olm.inbound_group_store.get(*key) is not None, place
        restarted.store.close()
        kept = ours(copy)
        assert kept.load_inbound_group_sessions().get(*key) is not None, place
        kept.close()
        places += 1
    assert places > 30
