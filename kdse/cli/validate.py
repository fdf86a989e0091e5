"""`kdse validate`: check data dirs before anything is trained on them."""

import argparse

from kdse.cli.options import add_nj, add_pipes
from kdse.core.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", metavar="DATA_DIR")
    add_nj(parser)
    add_pipes(parser)


def run(args: argparse.Namespace) -> None:
    from kdse.data.datadir import validate  # NumPy: not for --help

    for folder in args.folders:
        count, seconds = validate(folder, args.nj, args.pipes)
        say(f"{folder}: {count} utterances, {seconds / 60:.1f} min, no problem found")
