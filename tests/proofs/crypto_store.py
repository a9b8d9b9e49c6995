"""P14, as far as it is about the crypto store of Matrix: it names no one and takes nothing forged.

The rest of P14 is about the database, its backups and the logs. That the store of a bot which talks
on a real homeserver names nobody is shown in tests/integration/test_matrix_store.py.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from nio.crypto import OlmAccount, OutgoingKeyRequest

from bot.platforms.base import PlatformError
from bot.platforms.matrix.store import CryptoStore
from tests.proofs.proof import Figures
from tests.support.crypto_things import BOT, DEVICE, FILE, Phone, contents, names, ours
from tests.support.rawbytes import hits


async def p14_crypto_store(full: bool, seed: int) -> Figures:
    """Canaries by the hundred, bits flipped by the thousand, envelopes swapped."""
    rng = random.Random(seed)
    figures = Figures()
    people, flips, swaps = (60, 10_000, 500) if full else (8, 200, 40)
    # In memory where there is such a place: that writing waits for a disk is not shown here.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="acuerpa-p14-", dir=memory) as folder:
        _names_nobody(figures, Path(folder, "names"), people, rng)
        _takes_nothing_forged(figures, Path(folder, "forged"), flips, swaps, rng)
    return figures


def _names_nobody(figures: Figures, folder: Path, people: int, rng: random.Random) -> None:
    store = ours(folder)
    _fill(store, people, rng)
    held = contents(store)
    canaries = {*names(held), BOT, DEVICE}
    found = hits(folder, canaries)  # with a log that is full
    log = (folder / f"{FILE}-wal").stat().st_size
    for device in list(store.load_device_keys())[::2]:
        store.blacklist_device(device)
    for room in sorted(held["rooms"])[::2]:
        store.delete_encrypted_room(room)
    store.close()
    found += hits(folder, canaries)
    again = ours(folder)
    found += hits(folder, canaries)
    again.close()
    figures.more |= {"canaries": len(canaries), "hits": len(found)}
    figures.check(log > 0, "the log was empty: nothing was looked at")
    figures.check(not found, f"a name stands in clear in {sorted({file for file, _ in found})}")


def _takes_nothing_forged(
    figures: Figures, folder: Path, flips: int, swaps: int, rng: random.Random
) -> None:
    store = ours(folder)
    _fill(store, 3, rng)
    held = contents(store)
    store.close()
    whole = (folder / FILE).read_bytes()
    envelopes = _envelopes(folder / FILE, whole)
    accepted = unnoticed = 0
    for number in range(flips):
        inside = number % 2 == 0
        start, end = rng.choice(envelopes) if inside else (0, len(whole))
        forged = bytearray(whole)
        forged[rng.randrange(start, end)] ^= 1 << rng.randrange(8)
        found = _what_it_gives(folder, bytes(forged))
        # Outside of an envelope it may be unused space, or an index that is not read from.
        accepted += found not in (None, held)
        unnoticed += inside and found is not None
    swapped = 0
    alike = [(a, b) for a in envelopes for b in envelopes if a < b and a[1] - a[0] == b[1] - b[0]]
    for (first, end), (second, _) in rng.choices(alike, k=swaps):
        forged = bytearray(whole)
        size = end - first
        forged[first:end], forged[second : second + size] = (
            whole[second : second + size], whole[first:end]
        )  # fmt: skip
        swapped += _what_it_gives(folder, bytes(forged)) is None
    figures.runs += flips + swaps
    figures.lost += accepted + unnoticed
    figures.more |= {
        "flips": flips, "accepted": accepted + unnoticed, "swaps": swaps, "swaps_refused": swapped
    }  # fmt: skip
    figures.check(not accepted, f"{accepted} flipped bits of the file gave something else")
    figures.check(not unnoticed, f"{unnoticed} flipped bits of an envelope were not refused")
    figures.check(swapped == swaps, f"{swaps - swapped} swapped envelopes were not refused")


def _envelopes(path: Path, whole: bytes) -> list[tuple[int, int]]:
    """Where in the file each envelope is, as far as it stands in one piece."""
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT sealed FROM record UNION SELECT sealed FROM head").fetchall()
    places = [(whole.find(sealed), len(sealed)) for (sealed,) in found]
    return sorted((start, start + size) for start, size in places if start >= 0)


def _what_it_gives(folder: Path, forged: bytes) -> Any:
    """What a bot reads from such a file; None if it refuses the file, as a `PlatformError` says."""
    (folder / FILE).write_bytes(forged)
    for beside in folder.glob(f"{FILE}-*"):
        beside.unlink()
    try:
        store = ours(folder)
        try:
            return contents(store)
        finally:
            store.close()
    except PlatformError:
        return None
    except Exception as error:  # taken for what it is not
        return error


def _fill(store: CryptoStore, people: int, rng: random.Random) -> None:
    """A room for each, and of each a phone, an Olm session, a room key and a request."""
    account = OlmAccount()
    store.save_account(account)
    for _ in range(people):
        word = f"{rng.getrandbits(64):016x}"
        phone = Phone(f"@persona-{word}:refugio.example", f"TEL{word[:8].upper()}")
        room = f"!sala-{word}:refugio.example"
        store.save_device_keys({phone.device.user_id: {phone.device.id: phone.device}})
        store.verify_device(phone.device)
        store.save_session(phone.curve, phone.session(account))
        store.save_inbound_group_session(phone.room_key(room))
        store.save_encrypted_rooms({room})
        store.add_outgoing_key_request(
            OutgoingKeyRequest(f"peticion-{word}", f"sesion-{word}", room, "m.megolm.v1.aes-sha2")
        )
