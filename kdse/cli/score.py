"""`kdse score` (stage 9): one score row for each utterance of the sets asked for."""

import os
from pathlib import Path

from kdse.core.errors import UserError
from kdse.runs.record import BACKEND, OMEGAS, check_omegas
from kdse.runs.selection import allowed_sets


def add_arguments(parser) -> None:
    """Arguments of `kdse score`."""
    parser.add_argument(
        "--run", required=True, nargs="+", metavar="DIR", help="experiment folders, exp/<run>, with run.yaml and decode/"
    )
    parser.add_argument("--backend", required=True, metavar="NAME", help=BACKEND)
    parser.add_argument("--sets", required=True, nargs="+", metavar="SET", help="sets to score; the result holds exactly these")
    parser.add_argument("--dump", default="dump", metavar="DIR", help="folder of the fixed sets (default: %(default)s)")
    parser.add_argument(
        "--out", default="results", metavar="DIR", help="where <run>.jsonl.gz and <run>.yaml go (default: %(default)s)"
    )
    parser.add_argument("--omegas", nargs="+", type=float, default=[0.0], metavar="SHARE", help=OMEGAS)
    parser.add_argument("--selected", metavar="FILE", help="score test sets only for the runs it names (selected.yaml)")
    parser.add_argument("--nj", type=int, default=1, metavar="N", help="processes, one thread each (default: %(default)s)")


def run(args) -> None:
    """Score the sets that each run may be tested on."""
    if args.nj < 1:
        raise UserError(f"--nj must be 1 or more, not {args.nj}")
    omegas = check_omegas(args.omegas)
    if args.nj > 1:
        os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is imported: parallel over utterances, not inside them
    from kdse.scoring.score import score_run  # here: help is quick, and numpy reads the number of threads when it is imported

    for folder in map(Path, args.run):
        sets = allowed_sets(folder.name, args.sets, args.selected)
        if sets:
            score_run(folder, sets, Path(args.dump), Path(args.out), args.backend, args.nj, omegas)
