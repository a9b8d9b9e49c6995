"""Known holes in what we depend on, looked up without a network: `python tools/advisories.py`.

`advisories.toml` beside this file holds what PyPA's advisory database says of the packages in
`requirements.lock`. Exit status 1 where it speaks of a version that is pinned there, or says nothing
because a package came later. `--from FOLDER` writes it anew from a copy of that database
(https://github.com/pypa/advisory-database, CC-BY 4.0; the format is https://ossf.github.io/osv-schema/).

It knows no more than the day that it was written: `make audit` asks pypi.org, where that can be reached.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

HERE = Path(__file__).parent
KEPT = HERE / "advisories.toml"
LOCK = HERE.parent / "requirements.lock"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)

HEAD = """\
# What PyPA's advisory database (https://github.com/pypa/advisory-database, CC-BY 4.0) says of the
# packages in requirements.lock. Written by `python tools/advisories.py --from FOLDER`; `answered`
# is ours, and is kept.
"""


@dataclass(frozen=True, slots=True)
class Advisory:
    """One hole. `affected` are the versions that have it, each a PEP 440 specifier."""

    id: str
    package: str
    affected: tuple[str, ...]

    def is_about(self, version: Version) -> bool:
        """Whether that version has it."""
        return any(SpecifierSet(one).contains(version, prereleases=True) for one in self.affected)


@dataclass(frozen=True, slots=True)
class Known:
    """All of them, of which packages, and from when. `answered`: why one is none of ours, by its id."""

    of: date
    packages: frozenset[str]
    advisories: tuple[Advisory, ...]
    answered: Mapping[str, str]


def pinned(lock: str) -> dict[str, Version]:
    """Each package of a lock file with its version."""
    return {canonicalize_name(name): Version(version) for name, version in PINNED.findall(lock)}


def read(text: str) -> Known:
    """What `advisories.toml` holds."""
    kept = tomllib.loads(text)
    advisories = tuple(
        Advisory(one["id"], one["package"], tuple(one["affected"])) for one in kept["advisory"]
    )
    return Known(kept["of"], frozenset(kept["packages"]), advisories, kept.get("answered", {}))


def findings(known: Known, packages: Mapping[str, Version]) -> list[str]:
    """What is wrong with these versions, and what to do about it."""
    found = [
        f"{one.package} {packages[one.package]} has {one.id}: pin a version outside of "
        f"{' or '.join(one.affected)}, or say under [answered] why it is no hole of ours"
        for one in known.advisories
        if one.id not in known.answered
        and one.package in packages
        and one.is_about(packages[one.package])
    ]
    found += [
        f"{name} came after advisories.toml was written: write it anew with --from"
        for name in sorted(packages.keys() - known.packages)
    ]
    return found


# --- writing it -----------------------------------------------------------------------------------


def from_osv(entry: Mapping[str, Any], names: Iterable[str]) -> Iterator[Advisory]:
    """What one entry of the database says of these packages; nothing if it was withdrawn."""
    if entry.get("withdrawn"):
        return
    for affected in entry["affected"]:
        package = canonicalize_name(affected["package"]["name"])
        if package not in names:
            continue
        spans = [span for events in affected.get("ranges", ()) for span in _spans(events)]
        if not spans:  # versions alone
            spans = [f"=={version}" for version in affected.get("versions", ()) if _is_one(version)]
        yield Advisory(entry["id"], package, tuple(spans))


def _spans(events: Mapping[str, Any]) -> Iterator[str]:
    """Its ranges of versions; those of commits say the same in another way."""
    if events["type"] != "ECOSYSTEM":
        return
    since = "0"
    open_end = False
    for event in events["events"]:
        if "introduced" in event:
            since, open_end = str(event["introduced"]), True
        elif "fixed" in event or "last_affected" in event:
            until = f"<{event['fixed']}" if "fixed" in event else f"<={event['last_affected']}"
            yield until if since == "0" else f">={since},{until}"
            open_end = False
    if open_end:
        yield f">={since}"


def _is_one(version: str) -> bool:
    try:
        Version(version)
    except InvalidVersion:
        return False
    return True


def written(folder: Path, packages: Iterable[str], of: date, before: Known | None) -> str:
    """`advisories.toml` by a copy of the database."""
    names = sorted(packages)
    lines = [HEAD, f"of = {of}", "packages = ["]
    lines += [f'    "{name}",' for name in names]
    lines += ["]", "", "[answered]"]
    lines += [f'{id} = "{why}"' for id, why in sorted((before.answered if before else {}).items())]
    for path in sorted(folder.rglob("*.yaml")):
        if path.parent.name not in names:
            continue
        for one in from_osv(yaml.safe_load(path.read_text("utf-8")), names):
            affected = ", ".join(f'"{span}"' for span in one.affected)
            lines += ["", "[[advisory]]", f'id = "{one.id}"', f'package = "{one.package}"']
            lines += [f"affected = [{affected}]"]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Look them up, or write them down anew."""
    parser = argparse.ArgumentParser(prog="tools/advisories.py", description=__doc__)
    parser.add_argument("--from", dest="folder", type=Path, help="a copy of PyPA's database")
    parser.add_argument("--of", type=date.fromisoformat, help="the day of that copy")
    args = parser.parse_args()
    packages = pinned(LOCK.read_text("utf-8"))
    if args.folder:
        if args.of is None:
            parser.error("--from needs --of: the day of that copy")
        before = read(KEPT.read_text("utf-8")) if KEPT.exists() else None
        KEPT.write_text(written(args.folder, packages, args.of, before), "utf-8")
    known = read(KEPT.read_text("utf-8"))
    found = findings(known, packages)
    print(
        f"{len(known.advisories)} advisories about {len(known.packages)} packages as of {known.of}: "
        f"{len(found)} findings, {len(known.answered)} answered"
    )
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
