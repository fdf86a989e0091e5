"""Stage 8, `kdse decode`: the words of original or enhanced sets, and acoustic tokens where the recogniser has them."""

import argparse
from pathlib import Path

from kdse.approaches.registry import NO_FRONT_END
from kdse.inference.device import add_device, use_device
from kdse.runs.record import OMEGAS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse decode`."""
    parser.add_argument(
        "--run",
        type=Path,
        nargs="+",
        required=True,
        help=f"experiment folders; one named {NO_FRONT_END}... has no front end and is made",
    )
    parser.add_argument("--backend", type=Path, help="folder of stage 3, which an ESPnet recogniser needs")
    parser.add_argument("--tokens", type=Path, help="folder of stage 5: also say which share of the frames changes its token")
    parser.add_argument("--corpus", help="corpus name of the rows of a run without a front end")
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="what stage 2 wrote (default: dump)")
    parser.add_argument("--config", type=Path, help="YAML that chooses the recogniser and its options (default: greedy CTC)")
    parser.add_argument("--sets", nargs="+", required=True, metavar="SET", help="fixed sets in the dump folder")
    parser.add_argument("--omegas", nargs="+", type=float, default=[0.0], metavar="SHARE", help=OMEGAS)
    parser.add_argument("--selected", metavar="FILE", help="decode test sets only for the runs it names (selected.yaml)")
    add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Decode the sets, skipping those that are done."""
    from kdse.inference.decode import decode_runs  # numpy and a recogniser's packages: not for --help

    use_device(args.ngpu)
    decode_runs(
        args.run,
        config=args.config,
        backend=args.backend,
        tokens=args.tokens,
        corpus=args.corpus,
        dump=args.dump,
        sets=args.sets,
        omegas=args.omegas,
        selected=args.selected,
    )
