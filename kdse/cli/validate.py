"""The verb `kdse validate`: check data dirs before anything is trained on them."""

import argparse

from kdse.core.progress import say
from kdse.data.datadir import PIPES_HELP, validate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", metavar="DATA_DIR")
    parser.add_argument("--nj", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--pipes", action="store_true", help=PIPES_HELP)


def run(args: argparse.Namespace) -> None:
    for folder in args.folders:
        count, seconds = validate(folder, args.nj, args.pipes)
        say(f"{folder}: {count} utterances, {seconds / 60:.1f} min, no problem found")
