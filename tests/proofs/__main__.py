"""`python -m tests.proofs [P1 P2 …] [--short]`: one line per promise; exit status 1 if one fails."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import sys

import structlog

from tests.proofs.proof import Proof, a_seed, shown

PROOFS: dict[str, str] = {
    "P1": "kills:p1",
    "P2": "kills:p2",
    "P2M": "matrix_kills:p2m",
    "P3": "kills:p3",
    "P4": "simulation:p4",
    "P5": "load:p5",
    "P6": "downtime:p6",
    "P7": "fence:p7",
    "P8": "clocks:p8",
    "P9": "channels:p9",
    "P10": "watcher:p10",
    "P11": "storage_faults:p11",
    "P12": "matrix_readers:p12",
    "P13": "matrix_plaintext:p13",
    "P14": "canaries:p14",
    "P15": "keeping:p15",
    "P16": "own_only:p16",
    "P17": "kills:p17",
    "P18": "garbage:p18",
    "CREW": "crew:crew",
    "SIM": "simulation:sim",
}
"""Promise → module and function of its proof."""


def find(promise: str) -> Proof:
    """The proof of a promise."""
    module, _, name = PROOFS[promise].partition(":")
    proof: Proof = getattr(importlib.import_module(f"tests.proofs.{module}"), name)
    return proof


def main() -> int:
    """Run those named, or all."""
    parser = argparse.ArgumentParser(prog="tests.proofs", description=__doc__)
    parser.add_argument("promises", nargs="*", default=list(PROOFS), metavar="P1")
    parser.add_argument("--short", action="store_true", help="what `make test` runs")
    parser.add_argument("--seed", type=int, help="the chance of an earlier run again")
    args = parser.parse_args()
    # One for all: P1 and P2 are two looks at the same runs.
    seed = a_seed() if args.seed is None else args.seed
    # The proof's own words alone; what the bot in this process logs would hide them.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    failed = False
    for promise in args.promises:
        proof = shown(promise, find(promise), full=not args.short, seed=seed)
        failed |= bool(asyncio.run(proof).problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
