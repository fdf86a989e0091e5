"""`kdse mix`, stage 2: make the fixed noisy sets, and pack speech and noise for training."""

import argparse
from pathlib import Path

from kdse.cli.options import add_nj, add_pipes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of stage 1 (default data)")
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="where sets and packs go (default dump)")
    parser.add_argument("--sets", type=Path, metavar="CONF", help="a file of conf/mix (default: the defaults in the code)")
    add_nj(parser)
    add_pipes(parser)
    parser.add_argument("--rebuild", type=Path, metavar="SET", help="only make a set again from its manifest and compare every bit")


def run(args: argparse.Namespace) -> int:
    # NumPy: not for --help.
    from kdse.data.fixed_sets import mix_corpus
    from kdse.data.manifest import verify

    if args.rebuild:
        return 0 if verify(args.rebuild, args.nj, args.pipes) else 1
    mix_corpus(args.data, args.dump, args.sets, nj=args.nj, pipes=args.pipes)
    return 0
