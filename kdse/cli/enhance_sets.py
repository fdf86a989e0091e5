"""Stage 7, `kdse enhance-sets`: a run's front end on the fixed sets, as Kaldi archives of int16 WAV."""

import argparse
from pathlib import Path

from kdse.approaches.registry import CLASSICAL
from kdse.inference.device import add_device, use_device


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse enhance-sets`."""
    parser.add_argument(
        "--run",
        type=Path,
        nargs="+",
        required=True,
        help="experiment folders of trained front ends, or of a classical one to be made",
    )
    parser.add_argument(
        "--approach", help=f"front end without training: one of {', '.join(CLASSICAL)} (default: the run's trained one)"
    )
    parser.add_argument("--corpus", help="corpus name of a classical front end's rows")
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="what stage 2 wrote (default: dump)")
    parser.add_argument("--sets", nargs="+", required=True, metavar="SET", help="fixed sets in the dump folder")
    parser.add_argument("--selected", metavar="FILE", help="enhance test sets only for the runs it names (selected.yaml)")
    add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Enhance the sets, skipping those that are done."""
    from kdse.inference.enhance import enhance_runs  # numpy and scipy: not for --help

    use_device(args.ngpu)
    enhance_runs(args.run, approach=args.approach, corpus=args.corpus, dump=args.dump, sets=args.sets, selected=args.selected)
