"""`python -m tests.simulation SEED [DAYS]`: one world again, and what the judges say of it."""

from __future__ import annotations

import argparse
import sys

from tests.simulation.seeds import answered, one

parser = argparse.ArgumentParser(prog="tests.simulation", description=__doc__)
parser.add_argument("seed", type=int)
parser.add_argument("days", type=int, nargs="?", default=30)
parser.add_argument("--history", action="store_true", help="a history of P4")
args = parser.parse_args()
outcome = answered(args.seed) if args.history else one(args.seed, args.days)
print(outcome)
sys.exit(bool(outcome.problems))
