"""`kdse bench`: what trainings, front ends, scoring and decoding cost on this machine, as ratios of one run."""

import argparse
import importlib

KINDS = {
    "train": "kdse.plugin.bench",
    "approaches": "kdse.plugin.bench_approaches",
    "cost": "kdse.plugin.bench_cost",
    "score": "kdse.scoring.bench",
    "decode": "kdse.bench_decode",
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
