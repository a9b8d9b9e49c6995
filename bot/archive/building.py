"""The whole archive from what is public now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from bot.archive import cap, feeds, listing, media, pages, signed
from bot.archive.folder import Folder, Source, name_of
from bot.archive.media import Medium
from bot.archive.said import Said
from bot.archive.shelf import Shelf
from bot.archive.site import Built, Site
from bot.domain.denunciation import File
from bot.domain.publication import Kind, Publication

Content = Callable[[File], bytes | None]
"""The bytes of a file; None if they are not to be had."""

Sign = Callable[[bytes, str], str]
"""The text of a minisign signature file over the bytes, with that trusted comment. It must give the
same for the same (Ed25519 does, RFC 8032), or else each build is a new one."""


def build(
    site: Site, publications: Iterable[Publication], *, content: Content, sign: Sign | None,
    folder: Path, now: datetime,
) -> Built:  # fmt: skip
    """Make the archive and show it to the public.

    The same input gives the same bytes, and then nothing is written. `now` counts by its day in the
    site's zone, and only while an urgent action is open. Blocks: call it in a thread.

    Raises `ValueError` for what cannot be published (see `Shelf`), and `OSError` when the disk does
    not take it; the public then sees the archive that it saw before.
    """
    shelf = Shelf(site, publications, now)
    place = Folder(folder)
    with place.alone():
        there, missing, sources = _gather(place, shelf, content)
        made = dict(_made(site, shelf, there, now, sign))
        made[listing.LIST] = listing.manifest(site, shelf, made, there)
        if sign is not None:
            changed = shelf.last_change or feeds.NOTHING_YET
            made[f"{listing.LIST}.minisig"] = _signature(sign, listing.LIST, made[listing.LIST], changed)
        digests = {name: sha256(bytes_).hexdigest() for name, bytes_ in made.items()}
        digests |= {name: name.split("/")[1].split(".")[0] for name in there}
        name = name_of(digests)
        files: dict[str, Source] = {**made, **sources}
        new = place.put(name, files, secret=lambda name: name.endswith(".txt"))
    size = sum(map(len, made.values())) + sum(each.size for each in there.values())
    return Built(name, folder / "builds" / name, new, len(files), size, missing)


def _gather(
    place: Folder, shelf: Shelf, content: Content
) -> tuple[dict[str, Medium], tuple[File, ...], dict[str, Source]]:
    """What is known of each file, those that are missing, and where the bytes are.

    Those of the build before are taken from there, one at a time: `content` is asked for new ones
    alone, and memory holds one.
    """
    found: dict[str, Medium] = {}
    missing: dict[str, File] = {}
    sources: dict[str, Source] = {}
    for file in (f for each in shelf.all if each.withdrawal is None for f in each.files):
        name = media.name_of(file)
        if name in found or name in missing:
            continue
        path, medium = _kept(place, name, file)
        if medium is None and (bytes_ := content(file)) is not None:
            medium = media.read(name, BytesIO(bytes_), file.digest)
            path = place.stage(name, bytes_) if medium is not None else None
        if medium is None or path is None:
            missing[name] = file
            continue
        found[name], sources[name] = medium, path
    return dict(sorted(found.items())), tuple(missing.values()), sources


def _kept(place: Folder, name: str, file: File) -> tuple[Path | None, Medium | None]:
    if (before := place.current) is None:
        return None, None
    try:
        with (before / name).open("rb") as stream:
            return before / name, media.read(name, stream, file.digest)
    except OSError:
        return None, None


def _made(
    site: Site, shelf: Shelf, there: dict[str, Medium], now: datetime, sign: Sign | None
) -> Iterator[tuple[str, bytes]]:
    said = {language: Said(language, site.zone, now) for language in shelf.languages}
    yield from pages.assets().items()
    yield from pages.doors(site, shelf, said)
    yield from pages.keys(site)
    yield "robots.txt", listing.robots(site)
    yield "sitemap.xml", listing.sitemap(site, shelf)
    for language, words in said.items():
        yield from pages.Pages(site, shelf, words, there, now, signed=sign is not None).all()
        yield f"{language}/feed.atom", feeds.atom(site, shelf, words)
        yield f"{language}/feed.json", feeds.json_feed(site, shelf, words)
    for each in shelf.all:
        for version in each.versions:
            name = signed.name_of_text(each, version)
            text = signed.text(site, there, each, version)
            yield name, text
            if sign is not None:
                yield f"{name}.minisig", _signature(sign, name, text, each.changed_at)
            if each.kind is Kind.URGENT:
                alert = cap.alert(site, said[version.language], each, version)
                yield f"{name.removesuffix('.txt')}.cap.xml", alert


def _signature(sign: Sign, name: str, content: bytes, changed: datetime) -> bytes:
    """Its trusted comment says when the words last changed and where they are: an older text, or one
    of another place, does not pass for this one. It is not the day of the build, which would make
    other bytes each day."""
    comment = f"timestamp:{int(changed.timestamp())}\tfile:{name}"
    return f"{sign(content, comment).rstrip()}\n".encode()
