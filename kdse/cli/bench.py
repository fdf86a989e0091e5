"""`kdse bench`: what trainings, front ends, scoring and decoding cost on this machine, as ratios of one run."""

import argparse
import importlib

KINDS = {
    "train": "kdse.bench.train",
    "approaches": "kdse.bench.approaches",
    "cost": "kdse.bench.cost",
    "score": "kdse.bench.score",
    "decode": "kdse.bench.decode",
}
"""kind: module with `add_arguments(kinds)` and `run(args)`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse bench`."""
    kinds = parser.add_subparsers(dest="kind", metavar="|".join(KINDS), required=True)
    for module in KINDS.values():
        importlib.import_module(module).add_arguments(kinds)


def run(args: argparse.Namespace) -> None:
    """Run the benchmark asked for and print its table."""
    importlib.import_module(KINDS[args.kind]).run(args)
