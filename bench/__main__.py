"""`python -m bench [NAME …] [--small]`: each bench against its peer, in one run of both.

Writes `bench/results.json`, in which the results of benches that were not run now stay as they are, and
the tables and pictures of `docs/en/performance.md` and `docs/es/performance.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.frame import Bench, Size
from bench.machine import facts
from bench.page import HEADS, page_with
from bench.plots import draw

BENCHES = {
    name: f"bench.{name}:measure"
    for name in ("due", "reply", "broadcast", "large", "months", "workers")
}
"""Name → where it is."""

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"


def find(name: str) -> Bench:
    """The bench of that name."""
    module, _, function = BENCHES[name].partition(":")
    found: Bench = getattr(importlib.import_module(module), function)
    return found


def write(found: list[dict[str, Any]]) -> None:
    """Into the file and into the pages."""
    kept: list[dict[str, Any]] = []
    if RESULTS.exists():
        kept = json.loads(RESULTS.read_text("utf-8"))["results"]
    named = {one["name"]: one for one in kept} | {one["name"]: one for one in found}
    results = {"of": f"{datetime.now(UTC):%Y-%m-%d}", "machine": facts(), "results": list(named.values())}
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for language in HEADS:
        page, text = page_with(results, language)
        page.write_text(text, "utf-8")
    draw(results)


def main() -> None:
    """Run those named, or all."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(BENCHES), choices=[*BENCHES, []])
    parser.add_argument("--small", action="store_true", help="too little to prove anything")
    args = parser.parse_args()
    for name in args.names:
        found = [result.to_json() for result in asyncio.run(find(name)(Size(small=args.small)))]
        for one in found:
            print(json.dumps(one, ensure_ascii=False), flush=True)
        if not args.small:
            write(found)


if __name__ == "__main__":
    main()
