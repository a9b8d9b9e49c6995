"""Our crypto store against nio's own: what each save costs, and how long a start takes.

`python -m bench.crypto_store` prints milliseconds in all, ours and nio's, and the ratio. `--rooms`
with ten devices each is the size of the start that is measured.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nio.crypto import Olm, OlmAccount

from bot.platforms.matrix.store import CryptoStore
from tests.support.crypto_things import BOT, DEVICE, Phone, contents, nios, ours

SAVES = 1000
DEVICES_IN_A_ROOM = 10


def timed(work: Callable[[], object]) -> float:
    """Milliseconds that it takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def compare(what: str, work: Callable[[Any], object], stores: Iterable[Any]) -> None:
    """The same with each store, ours first."""
    ours, nios = (timed(lambda store=store: work(store)) for store in stores)
    print(f"{what}: ours={ours:.0f} nios={nios:.0f} ratio={ours / nios:.3f}", flush=True)


def close(store: Any) -> None:
    """Let go of the file."""
    store.close() if isinstance(store, CryptoStore) else store.database.close()


def saving(folder: Path) -> None:
    """Each save is a commit of its own, as when messages come one by one."""
    stores = (ours(folder / "a"), nios(folder / "b"))
    account = OlmAccount()
    ana = Phone("@ana:x", "ANA")
    keys = [ana.room_key(f"!{n}:x") for n in range(SAVES)]
    session = ana.session(account)
    for store in stores:
        store.save_account(account)

    def each_key(store: Any) -> None:
        for key in keys:
            store.save_inbound_group_session(key)

    def in_use(store: Any) -> None:
        for _ in range(SAVES):
            session.encrypt("hola")
            store.save_session(ana.curve, session)

    compare(f"save_{SAVES}_room_keys_ms", each_key, stores)
    compare(f"load_{SAVES}_room_keys_ms", lambda s: s.load_inbound_group_sessions(), stores)
    assert contents(stores[0]) == contents(stores[1])
    compare(f"use_a_session_{SAVES}_times_ms", in_use, stores)
    for store in stores:
        close(store)


def starting(folder: Path, rooms: int) -> None:
    """The load of a whole installation: a device and a room key for each member of each room."""
    stores = [ours(folder / "a"), nios(folder / "b")]
    account = OlmAccount()
    phones = [Phone(f"@{n}:example.org", f"PHONE{n}") for n in range(rooms * DEVICES_IN_A_ROOM)]
    devices = {phone.device.user_id: {phone.device.id: phone.device} for phone in phones}
    sessions = [(phone.curve, phone.session(account)) for phone in phones]
    keys = [phone.room_key(f"!{n % rooms}:example.org") for n, phone in enumerate(phones)]

    def fill(store: Any) -> None:
        store.save_account(account)
        for sender, session in sessions:
            store.save_session(sender, session)
        for key in keys:
            store.save_inbound_group_session(key)
        store.save_device_keys(devices)
        store.ignore_devices([phone.device for phone in phones])
        store.save_encrypted_rooms({key.room_id for key in keys})

    with stores[0].together():
        fill(stores[0])
    with stores[1].database.atomic():
        fill(stores[1])
    for store in stores:
        close(store)
    size = sum(file.stat().st_size for file in (folder / "a").iterdir()) / 1e6
    of_nio = sum(file.stat().st_size for file in (folder / "b").iterdir()) / 1e6
    print(f"file_mb: ours={size:.1f} nios={of_nio:.1f}", flush=True)

    def start(where: Callable[..., Any], place: Path) -> None:
        store = where(place)
        Olm(BOT, DEVICE, store)
        close(store)

    what = f"start_{rooms}_rooms_{len(phones)}_devices_sessions_room_keys_ms"
    mine = timed(lambda: start(ours, folder / "a"))
    print(f"{what}: ours={mine:.0f}", flush=True)
    theirs = timed(lambda: start(nios, folder / "b"))
    print(f"{what}: ours={mine:.0f} nios={theirs:.0f} ratio={mine / theirs:.3f}", flush=True)


def main() -> None:
    """Measure in a folder of the current disk that is removed afterwards."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rooms", type=int, default=1000)
    rooms = parser.parse_args().rooms
    with tempfile.TemporaryDirectory() as folder:
        for name in ("saving", "starting"):
            for store in "ab":
                (Path(folder) / name / store).mkdir(parents=True)
        saving(Path(folder) / "saving")
        starting(Path(folder) / "starting", rooms)


if __name__ == "__main__":
    main()
