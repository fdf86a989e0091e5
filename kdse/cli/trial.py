"""`kdse trial`: a line of the tuning log for each run that was tried, with its dev scores. Choices are made from this log."""

from pathlib import Path

from kdse.data.corpora.registry import dev_prefixes
from kdse.runs.record import BACKEND


def add_arguments(parser) -> None:
    """Arguments of `kdse trial`."""
    parser.add_argument("--run", required=True, nargs="+", type=Path, metavar="DIR", help="experiment folders, decoded on the set")
    parser.add_argument(
        "--set", default="dev_noisy", help=f"a set whose name begins with {' or '.join(dev_prefixes())} (default: %(default)s)"
    )
    parser.add_argument("--backend", required=True, metavar="NAME", help=BACKEND)
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="folder of the fixed sets (default: %(default)s)")
    parser.add_argument("--log", type=Path, default=Path("tuning.jsonl"), help="the log (default: %(default)s)")
    parser.add_argument("--note", default="", help="why it was tried")


def run(args) -> None:
    """Add a line for each run, in the place of the run's older one."""
    from kdse.scoring.trial import add_trials  # here: help is quick

    add_trials(args.run, args.set, args.dump, args.backend, args.log, args.note)
